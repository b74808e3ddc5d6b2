"""Reads the logs of other tools as recordings: CSV and JSON Lines with a `step` column and metric columns.

`PATH` reads every numeric column; `PATH::COLUMN` reads one column as the loss, for tables with a column per arm. An
empty field is missing, a field that says NaN is a NaN, and text in a column of numbers is an error. No row and no
column is dropped: two that would be read as one are refused.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.errors import BadTraceError, UnreadableError, nearest, shortened
from parity.files import read_first_line, read_text
from parity.jsonfloat import decode
from parity.judge.diff import Recording, recording
from parity.metrics import METRICS
from parity.parsing import parse_json
from parity.trace.file import read_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_ALIASES = {
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


def read_recording(name: str, metrics: Sequence[str] = ()) -> Recording:
    """Reads a trace or a log.

    Args:
        name: `PATH` or `PATH::COLUMN`.
        metrics: the metrics to keep; empty: all.

    Raises:
        BadTraceError: cannot be read, has no steps, lacks the metric or column, or has text where a number belongs.

    """
    text, _, column = name.partition("::")
    path = Path(text)
    is_trace = not column and _is_trace(path)
    whole = recording(read_trace(path)) if is_trace else _log(path, _table(path), _ALIASES.get(column, column))
    return _only(whole, metrics, path) if metrics else whole


def _is_trace(path: Path) -> bool:
    if path.suffix != ".jsonl":
        return False
    try:
        first = parse_json(read_first_line(path))
    except UnreadableError:
        return True  # `read_trace` says what is wrong with it
    return isinstance(first, dict) and "kind" in first


def _table(path: Path) -> list[_Row]:
    """The rows as written: text from CSV, values from JSON Lines; a missing field has no key."""
    readers: dict[str, Callable[[Path, list[str]], list[_Row]]] = {".csv": _csv_rows, ".jsonl": _json_rows}
    if path.suffix not in readers:
        raise BadTraceError(f"{path}: neither a trace nor a log; name a .jsonl or .csv file")
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
        for number, row in enumerate(reader, start=1):
            if None in row or None in row.values():
                raise BadTraceError(f"{path}: row {number} does not have as many fields as the header")
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
        known = _ALIASES.get(name, name)
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
    steps = [_number(row.get("step")) for row in table]
    kept = {column: "loss"} if column else {name: name for name in names if _is_metric(name, table)}
    if not kept:
        raise BadTraceError(f"{path}: no numeric column except 'step'; nothing to compare")
    rows = []
    for number, (step, row) in enumerate(zip(steps, table, strict=True), start=1):
        if step is None or not step.is_integer() or abs(step) > _LAST_STEP:
            said = shortened(repr(row.get("step")))
            raise BadTraceError(f"{path}: row {number}: step is {said}, not a whole number")
        given = {new: _checked(path, number, old, row[old]) for old, new in kept.items() if old in row}
        rows.append((int(step), given))
    return Recording(rows=tuple(rows), float32=False)


def _is_metric(name: str, table: list[_Row]) -> bool:
    """A text column is not a metric, unless it has a known metric's name; then `_checked` refuses the text."""
    if name == "step":
        return False
    return name in METRICS or any(_number(row[name]) is not None for row in table if name in row)


def _checked(path: Path, number: int, name: str, value: object) -> float:
    found = _number(value)
    if found is None:
        raise BadTraceError(f"{path}: row {number}: {name} is {shortened(repr(value))}, not a number")
    return found


def _number(value: object) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(decode(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _only(of: Recording, metrics: Sequence[str], path: Path) -> Recording:
    known: Iterable[str] = {name for _, row in of.rows for name in row}
    for metric in metrics:
        if metric not in known:
            raise BadTraceError(f"{path}: no metric {metric!r}; {nearest(metric, known)}")
    return Recording(
        rows=tuple((step, {name: row[name] for name in metrics if name in row}) for step, row in of.rows),
        seed=of.seed,
        incomplete=of.incomplete,
        float32=of.float32,
    )
