"""Reads a CSV table of outcomes that were measured elsewhere: a seed column, and one column per arm."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.errors import BadTraceError, UnreadableError, shortened
from parity.files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WORDS = {"yes": True, "no": False, "true": True, "false": False, "pass": True, "fail": False, "1": True, "0": False}

MOST_ROWS = 1_000
"""Seeds of a table; the time of the exact signed-rank test grows with their cube."""
_LONGEST_SEED = 20
"""Digits."""


@dataclass(frozen=True, kw_only=True)
class OutcomeTable:
    """One outcome of two arms, by seed; a seed that an arm did not run is missing from its mapping."""

    arms: tuple[str, str]
    """The names of the columns, reference first."""
    yes: tuple[Mapping[int, bool], Mapping[int, bool]] | None
    """None if the table holds numbers."""
    numbers: tuple[Mapping[int, float], Mapping[int, float]] | None


def read_outcomes(path: Path) -> OutcomeTable:
    """Reads a table whose cells are all yes or no (true, pass, 1), or all numbers. Lines that start with # are skipped.

    Raises:
        BadTraceError: cannot be read, has no seed and two more columns, repeats a seed, or a cell is of neither kind or
            of a different kind than the rest.

    """
    try:
        text = read_text(path)
    except UnreadableError as error:
        raise BadTraceError(f"{path}: cannot be read ({error})") from None
    kept = "".join(line for line in io.StringIO(text) if line.strip() and not line.startswith("#"))
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(kept))]
    except csv.Error as error:
        raise BadTraceError(f"{path}: not a CSV table ({error})") from None
    if not rows or len(rows[0]) != 3 or "seed" not in rows[0]:
        found = shortened(", ".join(rows[0])) if rows else "nothing"
        raise BadTraceError(f"{path}: needs a seed column and one column for each of two arms, has {found}")
    if len(rows) > MOST_ROWS + 1:
        raise BadTraceError(f"{path}: {len(rows) - 1:,} seeds; the exact tests take up to {MOST_ROWS:,}")
    seed_at = rows[0].index("seed")
    columns = [at for at in range(3) if at != seed_at]
    cells: list[dict[int, str]] = [{}, {}]
    for number, row in enumerate(rows[1:], start=1):
        seed = _seed(path, number, row, seed_at, seen=cells)
        for arm, at in zip(cells, columns, strict=True):
            arm[seed] = row[at]
    given = [{seed: cell for seed, cell in arm.items() if cell} for arm in cells]
    arms = (rows[0][columns[0]], rows[0][columns[1]])
    no_words = [(seed, cell) for arm in given for seed, cell in arm.items() if cell.lower() not in _WORDS]
    if not no_words:
        left, right = ({seed: _WORDS[cell.lower()] for seed, cell in arm.items()} for arm in given)
        return OutcomeTable(arms=arms, yes=(left, right), numbers=None)
    for seed, cell in no_words:
        _number(path, seed, cell)  # complains about a misspelt word before the correct words around it
    low, high = ({seed: _number(path, seed, cell) for seed, cell in arm.items()} for arm in given)
    return OutcomeTable(arms=arms, yes=None, numbers=(low, high))


def _seed(path: Path, number: int, row: list[str], at: int, *, seen: list[dict[int, str]]) -> int:
    if len(row) != 3 or not row[at].isdecimal() or len(row[at]) > _LONGEST_SEED:
        raise BadTraceError(f"{path}: row {number}: needs a seed, which is a whole number, and two cells")
    seed = int(row[at])
    if seed in seen[0]:
        raise BadTraceError(f"{path}: row {number}: seed {seed} appears twice")
    return seed


def _number(path: Path, seed: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        among = cell.lower() in _WORDS
        why = "is among numbers; write only yes and no, or only numbers" if among else "is not yes, no or a number"
        raise BadTraceError(f"{path}: seed {seed}: {shortened(repr(cell))} {why}") from None
