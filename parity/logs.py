"""Logs that other tools wrote, as recordings: CSV and JSON Lines with a `step` and metric columns.

`PATH` reads every numeric column; `PATH::COLUMN` reads one column as the loss, for tables that hold
several arms side by side.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

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
    if not column and _is_trace(path):
        whole = recording(read_trace(path))
    else:
        whole = _log(path, _frame(path), column)
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
            # Without rounding, and with NaN as a value: an empty field alone is missing.
            frame = pd.read_csv(
                path, float_precision="round_trip", keep_default_na=False, na_values=[""], comment="#"
            )
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
    numeric = {name: pd.to_numeric(frame[name].map(decode), errors="coerce") for name in frame.columns}
    steps = numeric.pop("step")
    if frame.empty or steps.isna().any() or (steps % 1 != 0).any():
        raise BadTraceError(f"{path}: 'step' must be a whole number in every row, and there must be rows")
    kept = {name: values for name, values in numeric.items() if _is_numeric(frame[name], values)}
    if not kept:
        raise BadTraceError(f"{path}: no numeric column beside 'step'; nothing to compare")
    rows = []
    for index, step in enumerate(steps):
        present = {str(name): float(of.iloc[index]) for name, of in kept.items() if _given(frame[name].iloc[index])}
        if present:
            rows.append((int(step), present))
    return Recording(rows=tuple(rows), float32=False)


def _is_numeric(raw: pd.Series, values: pd.Series) -> bool:
    """Every field that is given is a number, or says that it is none."""
    given = raw.map(_given)
    return bool(given.any()) and bool((values.notna() | ~given | raw.map(_says_nan)).all())


def _given(value: object) -> bool:
    return not (value is None or value is pd.NA or (isinstance(value, float) and value != value))


def _says_nan(value: object) -> bool:
    return isinstance(value, str) and value.strip().lower() == "nan"


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
