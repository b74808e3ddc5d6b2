"""Metrics by step, as columns: a log of ten million rows is a few arrays, and is compared as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

Value = int | float | str
Row = tuple[int, "Mapping[str, Value]"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One metric at every row."""

    values: NDArray[Any]
    """int64, float64, or objects if any of it is text; meaningless where nothing is given."""
    given: NDArray[np.bool_]
    """At which rows there is a value."""

    @property
    def is_text(self) -> bool:
        """Whether it holds text, which is equal or not and has no size."""
        return self.values.dtype == object

    def at(self, rows: NDArray[np.int64] | slice) -> Column:
        """The same at some rows."""
        return Column(values=self.values[rows], given=self.given[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns(Sequence[Row]):
    """Rows in file order; a sequence of `(step, {metric: value})` that is held as arrays."""

    steps: NDArray[np.int64]
    of: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Columns: ...
    def __getitem__(self, index: int | slice) -> Row | Columns:
        if isinstance(index, slice):
            return self.at(index)
        given = {name: column.values[index] for name, column in self.of.items() if column.given[index]}
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
        return int(self.steps[index]), plain

    def at(self, rows: NDArray[np.int64] | slice) -> Columns:
        """Some of the rows."""
        return Columns(steps=self.steps[rows], of={name: column.at(rows) for name, column in self.of.items()})

    @property
    def increases(self) -> bool:
        """Whether every step is later than the one before."""
        return bool((self.steps[1:] > self.steps[:-1]).all())

    def latest(self) -> Columns:
        """The rows in the order of their steps; of a repeated step the last row."""
        if self.increases:
            return self
        order = np.argsort(self.steps, kind="stable")
        ordered = self.steps[order]
        return self.at(order[np.append(ordered[1:] != ordered[:-1], True)])


def columns(rows: Sequence[Row]) -> Columns:
    """Rows as columns; rows that are columns already as they are."""
    if isinstance(rows, Columns):
        return rows
    names = dict.fromkeys(name for _, row in rows for name in row)
    return Columns(
        steps=np.array([step for step, _ in rows], dtype=np.int64),
        of={name: column(row.get(name) for _, row in rows) for name in names},
    )


def column(values: Iterable[Value | None]) -> Column:
    """One metric from its values; None where there is none."""
    listed = list(values)
    given = np.array([value is not None for value in listed], dtype=bool)
    if any(isinstance(value, str) for value in listed):
        texts = np.empty(len(listed), dtype=object)
        texts[:] = listed
        return Column(values=texts, given=given)
    numbers = np.array([0 if value is None else value for value in listed])
    return Column(
        values=numbers if numbers.dtype in {np.int64, np.float64} else numbers.astype(np.float64), given=given
    )
