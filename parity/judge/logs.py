"""Reads tables as recordings: CSV and JSON Lines with a `step` column and metric columns.

All numeric columns are read, or one column as the loss, for tables with a column per arm. An
empty field is missing, a field that says NaN is a NaN, and text in a column of numbers is an error. No row and no
column is dropped: two that would be read as one are refused.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from parity.errors import BadTraceError, UnreadableError, nearest, shortened
from parity.files import read_bytes, read_text
from parity.jsonfloat import decode
from parity.judge.columns import Column, Columns
from parity.judge.diff import Recording
from parity.judge.numbers import csv_numbers, json_numbers
from parity.metrics import METRICS
from parity.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALIASES = {
    "iteration": "step",
    "iter": "step",
    "train_loss": "loss",
    "learning_rate": "lr",
    "n_tokens": "tokens",
}
"""Names that mlx-lm's and unsloth_zoo's own logs use."""

_LAST_STEP = 10**15
"""A float counts exactly up to nine times that."""

_Row = dict[str, Any]


def read_table(path: Path, column: str = "") -> Recording:
    """Reads a CSV or JSON Lines log.

    Args:
        path: ends in `.csv` or `.jsonl`.
        column: the one that is read as the loss; empty: every column under its own name.

    Raises:
        BadTraceError: cannot be read, has no steps, lacks the column, or has text where a number belongs.

    """
    column = ALIASES.get(column, column)
    return _of_numbers(path, column) or _log(path, _table(path), column)


def _of_numbers(path: Path, column: str) -> Recording | None:
    """A table of nothing but numbers, in arrays; None where there is anything to complain about."""
    try:
        data = read_bytes(path)
    except UnreadableError:
        return None
    read = csv_numbers(data) if path.suffix == ".csv" else json_numbers(data)
    if read is None:
        return None
    table, words = read
    known = {ALIASES.get(name, name): values for name, values in table.items()}
    steps = known.pop("step", np.array([np.nan]))
    whole = len(known) == len(table) - 1 and bool(((steps == np.floor(steps)) & (np.abs(steps) <= _LAST_STEP)).all())
    if not whole or (column and column not in known):
        return None
    kept = {"loss": known[column]} if column else known
    given = {name: np.ones(len(steps), dtype=bool) if words else ~np.isnan(values) for name, values in kept.items()}
    of = {name: Column(values=values, given=given[name]) for name, values in kept.items() if given[name].any()}
    return Recording(rows=Columns(steps=steps.astype(np.int64), of=of), float32=False) if of else None


def _table(path: Path) -> list[_Row]:
    """The rows as written: text from CSV, values from JSON Lines; a missing field has no key."""
    readers: dict[str, Callable[[Path, list[str]], list[_Row]]] = {".csv": _csv_rows, ".jsonl": _json_rows}
    try:
        lines = read_text(path).split("\n")
    except UnreadableError as error:
        raise BadTraceError(f"{path}: cannot be read ({error})") from None
    return readers[path.suffix](path, lines)


def _csv_rows(path: Path, lines: list[str]) -> list[_Row]:
    reader = csv.DictReader((line for line in lines if line.strip() and not line.startswith("#")), strict=True)
    rows = []
    try:
        names = _names(str(path), [name.strip() for name in reader.fieldnames or ()])
        for place, row in enumerate(reader, start=1):
            if None in row or None in row.values():
                raise BadTraceError(f"{path}: row {place} does not have as many fields as the header")
            fields = zip(names, row.values(), strict=True)
            rows.append({name: value.strip() for name, value in fields if value.strip()})
    except csv.Error as error:
        raise BadTraceError(f"{path}: not a CSV table ({error})") from None
    return rows


def _json_rows(path: Path, lines: list[str]) -> list[_Row]:
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line, pairs=_Pairs)
        except UnreadableError as error:
            raise BadTraceError(f"{path}:{number}: not a JSON object ({error}); a log has one per line") from None
        if not isinstance(row, _Pairs):
            raise BadTraceError(f"{path}:{number}: not a JSON object; a log has one per line")
        given = [(name, value) for name, value in row if value is not None]
        names = _names(f"{path}:{number}", [name for name, _ in given])
        rows.append(dict(zip(names, (value for _, value in given), strict=True)))
    return rows


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written, with a name that stands twice."""


def _names(where: str, written: list[str]) -> list[str]:
    """The names by which columns are compared."""
    taken: dict[str, str] = {}
    for name in written:
        known = ALIASES.get(name, name)
        if taken.setdefault(known, name) != name:
            raise BadTraceError(f"{where}: both {taken[known]!r} and {name!r} are the {known}; leave one of them out")
        if written.count(name) > 1:
            raise BadTraceError(f"{where}: {name!r} stands twice; leave one of them out")
    return list(taken)


def _log(path: Path, table: list[_Row], column: str) -> Recording:
    names = list(dict.fromkeys(name for row in table for name in row))
    if not table:
        raise BadTraceError(f"{path}: no rows; nothing to compare")
    if "step" not in names:
        raise BadTraceError(f"{path}: no column 'step' ({shortened(', '.join(names)) or 'no columns'})")
    if column and column not in names:
        raise BadTraceError(f"{path}: no column {column!r}; {nearest(column, names)}")
    steps = [whole_step(row.get("step")) for row in table]
    kept = {column: "loss"} if column else {name: name for name in names if _is_metric(name, table)}
    if not kept:
        raise BadTraceError(f"{path}: no numeric column except 'step'; nothing to compare")
    rows = []
    for place, (step, row) in enumerate(zip(steps, table, strict=True), start=1):
        if step is None:
            said = shortened(repr(row.get("step")))
            raise BadTraceError(f"{path}: row {place}: step is {said}, not a whole number")
        given = {new: _checked(path, place, old, row[old]) for old, new in kept.items() if old in row}
        rows.append((step, given))
    return Recording(rows=tuple(rows), float32=False)


def _is_metric(name: str, table: list[_Row]) -> bool:
    """A text column is not a metric, unless it has a known metric's name; then `_checked` refuses the text."""
    if name == "step":
        return False
    return name in METRICS or any(number(row[name]) is not None for row in table if name in row)


def _checked(path: Path, place: int, name: str, value: object) -> float:
    found = number(value)
    if found is None:
        raise BadTraceError(f"{path}: row {place}: {name} is {shortened(repr(value))}, not a number")
    return found


def whole_step(value: object) -> int | None:
    """A step; None for what is no whole number, or too large to be one."""
    found = number(value)
    return int(found) if found is not None and found.is_integer() and abs(found) <= _LAST_STEP else None


def number(value: object) -> float | None:
    """A number, also one that is written as a word or as text; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(decode(value))
    except (TypeError, ValueError, OverflowError):
        return None
