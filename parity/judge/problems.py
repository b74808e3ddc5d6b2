"""What keeps two recordings from being compared: each is a problem of its own kind, and hides nothing of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from parity.metrics import METRICS, in_order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from parity.judge.columns import Column, Columns

_RANGES = 12
"""Ranges of steps that are named; more are counted."""


class ProblemKind(StrEnum):
    """Why part of two recordings cannot be compared."""

    NO_COMMON_STEP = "no common step"
    MISSING_STEP = "missing step"
    EXTRA_STEP = "extra step"
    REPEATED_STEP = "repeated step"
    MISSING_METRIC = "missing metric"
    EXTRA_METRIC = "extra metric"
    NAN_REFERENCE = "NaN in the reference"
    NAN_CANDIDATE = "NaN in the candidate"
    NAN_BOTH = "NaN in both"
    OTHER_SEED = "different seeds"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that keeps two recordings from being compared."""

    kind: ProblemKind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


_ONE_SIDED = {ProblemKind.MISSING_METRIC, ProblemKind.EXTRA_METRIC}


def step_problems(left: Columns, right: Columns) -> Iterator[Problem]:
    """Steps that a side repeats, or that only one side has.

    Args:
        left: the rows of the reference as they were recorded.
        right: those of the candidate.

    """
    for side, of in (("reference", left), ("candidate", right)):
        if not of.increases and len(repeated := _repeated(of.steps)):
            yield Problem(kind=ProblemKind.REPEATED_STEP, detail=f"{_ranges(repeated)} of the {side}")
    if len(left) and np.array_equal(left.steps, right.steps):
        return
    missing, extra = np.setdiff1d(left.steps, right.steps), np.setdiff1d(right.steps, left.steps)
    if len(missing) == len(np.unique(left.steps)):
        both = (_ranges(missing) or "none", _ranges(extra) or "none")
        yield Problem(kind=ProblemKind.NO_COMMON_STEP, detail=f"reference has {both[0]}, candidate has {both[1]}")
        return
    if len(missing):
        yield Problem(kind=ProblemKind.MISSING_STEP, detail=f"only the reference has {_ranges(missing)}")
    if len(extra):
        yield Problem(kind=ProblemKind.EXTRA_STEP, detail=f"only the candidate has {_ranges(extra)}")


def metric_problems(left: Columns, right: Columns, *, blind: Collection[str], sparse: bool) -> Iterator[Problem]:
    """Metrics without a value on a side, and NaNs, in the order of the steps at which they begin.

    Args:
        left: the reference at the common steps, in their order.
        right: the candidate at the same steps.
        blind: metrics that a side could not see: what is not there is no problem.
        sparse: whether what neither side has is no gap.

    """
    found: list[tuple[int, int, Problem]] = []
    for place, metric in enumerate(in_order(left.of.keys() | right.of.keys())):
        may_lack = metric in blind or (metric in METRICS and METRICS[metric].of_next)
        for kind, where in _of_metric(left, right, metric, sparse=sparse).items():
            if may_lack and kind in _ONE_SIDED:
                continue
            if len(steps := left.steps[where]):
                problem = Problem(kind=kind, detail=f"{metric} at {_ranges(steps)}")
                found.append((int(steps[0]), place, problem))
    yield from (problem for _, _, problem in sorted(found, key=lambda each: each[:2]))


def _repeated(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    once, times = np.unique(steps, return_counts=True)
    return once[times > 1]


def _of_metric(left: Columns, right: Columns, metric: str, *, sparse: bool) -> dict[ProblemKind, NDArray[np.bool_]]:
    nothing = np.zeros(len(left), dtype=bool)
    (here, nan), (there, also_nan) = (
        (each.given, _nans(each)) if (each := side.of.get(metric)) is not None else (nothing, nothing)
        for side in (left, right)
    )
    if not (here | there).any():
        return {}
    gap = here if sparse else ~there
    return {
        ProblemKind.MISSING_METRIC: gap & ~there,
        ProblemKind.EXTRA_METRIC: there & ~here,
        ProblemKind.NAN_REFERENCE: here & there & nan & ~also_nan,
        ProblemKind.NAN_CANDIDATE: here & there & ~nan & also_nan,
        ProblemKind.NAN_BOTH: here & there & nan & also_nan,
    }


def _nans(of: Column) -> NDArray[np.bool_]:
    return np.zeros(len(of.values), dtype=bool) if of.is_text else np.isnan(of.values)


def _ranges(steps: NDArray[np.int64]) -> str:
    """`step 3`, `steps 3 to 5, 9`; the steps are in their order, each once."""
    if not len(steps):
        return ""
    parts = np.split(steps, np.flatnonzero(np.diff(steps) != 1) + 1) if len(steps) else []
    named = [str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts[:_RANGES]]
    more = f" and {sum(map(len, parts[_RANGES:])):,} more" if len(parts) > _RANGES else ""
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(named)}{more}"
