"""Reads the log that `mlx_lm.lora` prints as a recording: `Iter 10: Train loss 2.123, Learning Rate 1.000e-05, …`.

It is printed every few steps, with a few digits, and each loss is the mean since the line before.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from parity.errors import BadTraceError, UnreadableError, shortened
from parity.files import read_text
from parity.judge.diff import Recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from parity.judge.columns import Value

_LINE = re.compile(r"\bIter ([0-9]{1,15}): ((?:Train|Val) loss .*)")
_FIELD = re.compile(r"(\D+) (\S+?)(?: ?(?:GB|s))?")
_EXACT = 17
"""Digits that tell any two floats apart."""
_METRICS = {"Train loss": "loss", "Learning Rate": "lr", "Trained Tokens": "tokens", "Val loss": "val_loss"}


def read_printed(path: Path) -> Recording:
    """Reads a log that `mlx_lm.lora` printed.

    The tokens of a line are those since the line before; the file has their sum.

    Raises:
        BadTraceError: cannot be read, has no such line, or one without a number where a number belongs.

    """
    try:
        lines = read_text(path).split("\n")
    except UnreadableError as error:
        raise BadTraceError(f"{path}: cannot be read ({error})") from None
    rows: list[tuple[int, dict[str, Value]]] = []
    written: dict[str, str] = {}
    left_out: dict[str, None] = {}
    trained = 0.0
    for number, line in enumerate(lines, start=1):
        if (found := _LINE.search(line)) is None:
            continue
        row: dict[str, Value] = {}
        for name, text in _fields(found[2]):
            if name not in _METRICS:
                left_out[name] = None
                continue
            row[_METRICS[name]] = _number(f"{path}:{number}", name, text)
            if form := _format(text):
                written[_METRICS[name]] = form
        if isinstance(total := row.get("tokens"), float):
            row["tokens"], trained = total - trained, total
        rows.append((int(found[1]), row))
    if not rows:
        raise BadTraceError(
            f"{path}: neither a trace nor a log; name the folder that `parity trace` wrote, a .jsonl or .csv file, "
            "a trainer_state.json, or the log that mlx_lm.lora printed"
        )
    merged = tuple(_merged(rows))
    return Recording(
        rows=merged,
        float32=False,
        written=written,
        sparse=True,
        blind=means((step for step, row in merged if "loss" in row), "--steps-per-report 1 prints each"),
        left_out=tuple(left_out),
    )


def means(steps: Iterable[int], advice: str) -> tuple[str, ...]:
    """What a loss cannot show that is logged every few steps, as the mean of them.

    Args:
        steps: at which it is logged.
        advice: how each step is logged.

    """
    gaps = {after - before for before, after in pairwise(steps)} - {1}
    return (f"a single step: a loss is the mean of up to {max(gaps)} steps; {advice}",) if gaps else ()


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(", "):
        if found := _FIELD.fullmatch(part.strip()):
            yield found[1].strip(), found[2]


def _number(where: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadTraceError(f"{where}: {name} is {shortened(repr(text))}, not a number") from None


def _format(text: str) -> str:
    """`.3f` of `2.123`, `.3e` of `1.000e-05`; empty for a whole number, a word, or all digits of a float."""
    mantissa, exponent, _ = text.lower().partition("e")
    decimals = mantissa.partition(".")[2]
    return f".{len(decimals)}{exponent or 'f'}" if decimals.isdecimal() and len(decimals) < _EXACT else ""


def _merged(rows: list[tuple[int, dict[str, Value]]]) -> Iterator[tuple[int, dict[str, Value]]]:
    """Lines that follow each other and say different things of one step as one row."""
    step, merged = rows[0]
    for next_step, row in rows[1:]:
        if next_step == step and not merged.keys() & row.keys():
            merged = merged | row
            continue
        yield step, merged
        step, merged = next_step, row
    yield step, merged
