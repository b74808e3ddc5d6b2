"""Logs that other tools wrote, as recordings: CSV and JSON Lines with a `step` and metric columns.

`PATH` reads every numeric column; `PATH::COLUMN` reads one column as the loss, for tables that hold
several arms side by side.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from parity.diff import Recording, recording
from parity.errors import BadTraceError, nearest
from parity.jsonfloat import decode
from parity.trace import read_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALIASES = {
    "iteration": "step",
    "iter": "step",
    "train_loss": "loss",
    "learning_rate": "lr",
    "n_tokens": "tokens",
}
"""Names that mlx-lm's and unsloth_zoo's own logs use."""


def read_recording(name: str, metrics: Sequence[str] = ()) -> Recording:
    """Reads a trace or a log.

    Args:
        name: `PATH` or `PATH::COLUMN`.
        metrics: keep these only; empty: all.

    Raises:
        BadTraceError: not readable, no steps, or a metric or column that is not there.

    """
    text, _, column = name.partition("::")
    path = Path(text)
    whole = recording(read_trace(path)) if not column and _is_trace(path) else _log(path, _frame(path), column)
    return _only(whole, metrics, path) if metrics else whole


def _is_trace(path: Path) -> bool:
    if path.suffix != ".jsonl":
        return False
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError):
        return True  # `read_trace` says what is wrong with it
    return isinstance(first, dict) and "kind" in first


def _frame(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".csv":
            # As text, so that nothing is rounded and NaN stays a value: an empty field alone is missing.
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], comment="#")
        elif path.suffix == ".jsonl":
            frame = pd.DataFrame([json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()])
        else:
            raise BadTraceError(f"{path}: neither a trace nor a log; name a .jsonl or .csv file")
    except (OSError, UnicodeDecodeError) as error:
        raise BadTraceError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except ValueError as error:  # pandas' own errors among them
        raise BadTraceError(f"{path}: not a table ({' '.join(str(error).split())})") from None
    return frame.rename(columns={old: new for old, new in _ALIASES.items() if new not in frame.columns})


def _log(path: Path, frame: pd.DataFrame, column: str) -> Recording:
    if "step" not in frame.columns:
        raise BadTraceError(f"{path}: no column 'step' ({', '.join(map(str, frame.columns)) or 'no columns'})")
    if column:
        if column not in frame.columns:
            raise BadTraceError(f"{path}: no column {column!r}; {nearest(column, map(str, frame.columns))}")
        frame = frame[["step", column]].rename(columns={column: "loss"})
    steps = [_number(value) for value in frame["step"]]
    if not steps or not all(step is not None and step.is_integer() for step in steps):
        raise BadTraceError(f"{path}: 'step' must be a whole number in every row, and there must be rows")
    columns = {str(name): _numbers(frame[name]) for name in frame.columns if name != "step"}
    kept = {name: values for name, values in columns.items() if values is not None}
    if not kept:
        raise BadTraceError(f"{path}: no numeric column beside 'step'; nothing to compare")
    rows = []
    for index, step in enumerate(steps):
        assert step is not None
        present = {name: value for name, of in kept.items() if (value := of[index]) is not None}
        if present:
            rows.append((int(step), present))
    return Recording(rows=tuple(rows), float32=False)


def _numbers(column: pd.Series[Any]) -> list[float | None] | None:
    """A column as numbers, `None` for a field that is not given; `None` where some field is no number."""
    numbers = [_number(value) for value in column]
    given = [not _missing(value) for value in column]
    fits = any(given) and all(number is not None for number, is_given in zip(numbers, given, strict=True) if is_given)
    return numbers if fits else None


def _number(value: object) -> float | None:
    if _missing(value) or isinstance(value, bool):
        return None
    try:
        return float(decode(value))
    except (TypeError, ValueError):
        return None


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _only(of: Recording, metrics: Sequence[str], path: Path) -> Recording:
    known = {name for _, row in of.rows for name in row}
    for metric in metrics:
        if metric not in known:
            raise BadTraceError(f"{path}: no metric {metric!r}; {nearest(metric, known)}")
    rows = tuple((step, {name: row[name] for name in metrics if name in row}) for step, row in of.rows)
    return Recording(
        rows=tuple((step, row) for step, row in rows if row),
        seed=of.seed,
        incomplete=of.incomplete,
        float32=of.float32,
    )
