"""A table of outcomes by seed that somebody else measured: CSV, a seed and a column an arm."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.errors import BadTraceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WORDS = {"yes": True, "no": False, "true": True, "false": False, "pass": True, "fail": False, "1": True, "0": False}


@dataclass(frozen=True, kw_only=True)
class OutcomeTable:
    """One outcome of two arms, by seed; a seed that an arm did not run is missing from it."""

    arms: tuple[str, str]
    """The names of the columns, reference first."""
    yes: tuple[Mapping[int, bool], Mapping[int, bool]] | None
    """None where the table holds numbers."""
    numbers: tuple[Mapping[int, float], Mapping[int, float]] | None


def read_outcomes(path: Path) -> OutcomeTable:
    """Reads a table: yes and no (true, pass, 1) throughout, or numbers throughout. Lines that start with # are skipped.

    Raises:
        BadTraceError: not readable, not three columns with a seed, a repeated seed, a cell that is neither, both kinds.

    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTraceError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not text'})") from None
    kept = "".join(line for line in io.StringIO(text) if line.strip() and not line.startswith("#"))
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(kept))]
    except csv.Error as error:
        raise BadTraceError(f"{path}: not a table ({error})") from None
    if not rows or len(rows[0]) != 3 or "seed" not in rows[0]:
        found = ", ".join(rows[0]) if rows else "nothing"
        raise BadTraceError(f"{path}: needs the columns seed and one for each of two arms, has {found}")
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
        _number(path, seed, cell)  # a misspelt word is named before the words around it
    low, high = ({seed: _number(path, seed, cell) for seed, cell in arm.items()} for arm in given)
    return OutcomeTable(arms=arms, yes=None, numbers=(low, high))


def _seed(path: Path, number: int, row: list[str], at: int, *, seen: list[dict[int, str]]) -> int:
    if len(row) != 3 or not row[at].isdecimal():
        raise BadTraceError(f"{path}: row {number}: not a whole seed and two cells")
    seed = int(row[at])
    if seed in seen[0]:
        raise BadTraceError(f"{path}: row {number}: seed {seed} is there twice")
    return seed


def _number(path: Path, seed: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        among = cell.lower() in _WORDS
        why = "stands among numbers; write one or the other" if among else "is neither yes or no nor a number"
        raise BadTraceError(f"{path}: seed {seed}: {cell!r} {why}") from None
