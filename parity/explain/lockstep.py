"""Every step twice: free-running, as it was trained, and state-locked, started from the reference's state.

A step that differs state-locked is faulty by itself; one that differs only free-running follows from an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from parity.judge.verdict import broken
from parity.metrics import STEP_METRICS, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.judge.diff import Delta
    from parity.judge.verdict import Thresholds


@dataclass(frozen=True, kw_only=True)
class Span:
    """Consecutive steps with the same result."""

    first: int
    last: int
    free: Stage | None
    """The earliest stage that differs free-running; None: nothing does."""
    locked: Stage | None
    """The same, state-locked."""


@dataclass(frozen=True, kw_only=True)
class Lockstep:
    """All steps, both ways."""

    spans: tuple[Span, ...]
    """In order; each step is in one of them."""
    asked: int
    """Steps of the run; those after the last span were not run state-locked."""
    note: str = ""
    """Why there are no spans."""

    @property
    def faulty(self) -> tuple[Span, ...]:
        """The steps that are faulty by themselves."""
        return tuple(span for span in self.spans if span.locked is not None)


def lockstep(free: Delta, locked: Delta, again: Sequence[Delta], *, thresholds: Thresholds, asked: int) -> Lockstep:
    """Compares the two ways.

    Args:
        free: candidate − reference, free-running.
        locked: the same, state-locked.
        again: the reference's repetitions − the reference.
        thresholds: what may differ.
        asked: steps of the run.

    """
    as_trained = _stages(free, again, thresholds)
    by_itself = _stages(locked, again, thresholds)
    steps = sorted({int(step) for step in locked.table["step"] if step > 0})
    pairs = [(step, as_trained.get(step), by_itself.get(step)) for step in steps]
    spans = []
    for (one, other), group in groupby(pairs, key=lambda pair: pair[1:]):
        within = [step for step, *_ in group]
        spans.append(Span(first=within[0], last=within[-1], free=one, locked=other))
    return Lockstep(spans=tuple(spans), asked=asked)


def _stages(delta: Delta, again: Sequence[Delta], thresholds: Thresholds) -> dict[int, Stage]:
    """By step, the earliest stage with a row that breaks the rule."""
    rows = delta.table[broken(delta, again, thresholds)]
    first = rows[rows["metric"].isin(STEP_METRICS)].drop_duplicates("step")
    return {int(step): Stage(stage) for step, stage in zip(first["step"], first["stage"], strict=True)}
