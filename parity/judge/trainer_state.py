"""Reads the `trainer_state.json` of Hugging Face's `Trainer` as a recording: its `log_history`, entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.errors import BadTraceError, UnreadableError, shortened
from parity.files import read_text
from parity.judge.diff import Recording
from parity.judge.logs import ALIASES, number, whole_step
from parity.judge.printed import means
from parity.parsing import parse_json

if TYPE_CHECKING:
    from pathlib import Path

    from parity.judge.columns import Value

NAME = "trainer_state.json"
_SUMS = ("runtime", "per_second", "total_flos", "train_loss", "memory")
"""Parts of the names of timings, and of what the last entry sums up."""
_NUMBERS = {"loss", "grad_norm", "learning_rate"}
_DECIMALS = 4
"""To which `Trainer` rounds a loss."""


def read_trainer_state(path: Path) -> Recording:
    """Reads the `log_history`; several entries of one step, as of training and evaluation, are one row.

    Raises:
        BadTraceError: cannot be read, has no `log_history`, or one that nothing can be read from.

    """
    try:
        tree = parse_json(read_text(path))
    except UnreadableError as error:
        raise BadTraceError(f"{path}: cannot be read ({error}); Trainer writes it beside each checkpoint") from None
    history = tree.get("log_history") if isinstance(tree, dict) else None
    if not isinstance(history, list):
        raise BadTraceError(f"{path}: no log_history; of .json files only a {NAME} can be read")
    rows: list[tuple[int, dict[str, Value]]] = []
    left_out: dict[str, None] = {}
    for place, entry in enumerate(history, start=1):
        where = f"{path}: entry {place} of log_history"
        step = whole_step(entry.get("step")) if isinstance(entry, dict) else None
        if step is None:
            raise BadTraceError(f"{where}: no step that is a whole number; the file is damaged")
        left_out |= dict.fromkeys(name for name in entry if _sums_up(name))
        row = _row(where, entry)
        if rows and rows[-1][0] == step and not (rows[-1][1].keys() & row.keys()) - {"epoch"}:
            rows[-1] = (step, rows[-1][1] | row)
        elif row.keys() - {"epoch"}:
            rows.append((step, row))
    if not rows:
        raise BadTraceError(f"{path}: its log_history is empty; nothing to compare")
    losses = [row["loss"] for _, row in rows if "loss" in row]
    rounded = bool(losses) and all(round(loss, _DECIMALS) == loss for loss in losses if isinstance(loss, float))
    return Recording(
        rows=tuple(rows),
        float32=False,
        sparse=True,
        written={"loss": f".{_DECIMALS}f"} if rounded else {},
        blind=means((step for step, row in rows if "loss" in row), "logging_steps=1 logs each"),
        left_out=tuple(left_out),
    )


def _sums_up(name: str) -> bool:
    return any(part in name for part in _SUMS)


def _row(where: str, entry: dict[str, Any]) -> dict[str, Value]:
    """The numbers of an entry, under the names of metrics."""
    row: dict[str, Value] = {}
    for name, value in entry.items():
        if name == "step" or _sums_up(name):
            continue
        found = number(value)
        if found is not None:
            row[ALIASES.get(name, name)] = found
        elif name in _NUMBERS and value is not None:
            raise BadTraceError(f"{where}: {name} is {shortened(repr(value))}, not a number")
    return row
