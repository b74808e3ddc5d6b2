"""From measured deltas, a noise floor and thresholds to a verdict, and to where a divergence starts.

Thresholds are a value beside the measurements, so that a stored run can be judged again. Nothing
compared is never a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parity.probe.values import Stage, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from parity.diff import Delta, Problem, Value


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What may differ and still pass. All empty: bit for bit."""

    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Largest accepted |delta| by metric; where any is given, only these metrics decide."""
    deterministic: bool = True
    """Whether the device repeats itself; only where it does not is there a noise floor."""


@dataclass(frozen=True, kw_only=True)
class FirstDivergence:
    """The earliest stage of the earliest step at which two recordings differ."""

    step: int
    """0: before training."""
    stage: Stage | None
    """None for a log's metric that is no word of the flow."""
    metric: str
    reference: Value
    candidate: Value
    delta: float | None
    """candidate − reference; None for fingerprints."""
    ulp: int | None
    detail: str
    """Which tensors, before training."""


@dataclass(frozen=True, kw_only=True)
class MetricSummary:
    """One metric over all steps."""

    max_abs: float | None
    """None for fingerprints, NaN where one value is. Also the smallest tolerance that would pass."""
    max_ulp: int | None
    first_step: int | None
    """None where it never differs."""
    unequal: int
    compared: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What can be said, with everything that it was said from."""

    kind: VerdictKind
    reason: str
    """One clause, to stand after the verdict."""
    first_divergence: FirstDivergence | None
    metrics: Mapping[str, MetricSummary]
    noise_floor: Mapping[str, float]
    """What the reference differs from itself by, per metric; empty on a deterministic device."""
    problems: tuple[Problem, ...]
    thresholds: Thresholds


def judge(delta: Delta, *, again: Delta | None, thresholds: Thresholds) -> Verdict:
    """Judges a candidate against its reference.

    Args:
        delta: candidate − reference.
        again: the reference's repetition − the reference; None where there was none, as between logs.
        thresholds: what may differ.

    """
    kind, reason, floor = _decide(delta, again, thresholds)
    return Verdict(
        kind=kind,
        reason=reason,
        first_divergence=first_divergence(delta),
        metrics=summaries(delta),
        noise_floor=floor,
        problems=delta.problems,
        thresholds=thresholds,
    )


def _decide(delta: Delta, again: Delta | None, thresholds: Thresholds) -> tuple[VerdictKind, str, dict[str, float]]:
    if delta.problems:
        return VerdictKind.INVALID, "; ".join(str(problem) for problem in delta.problems), {}
    if delta.table.empty:
        return VerdictKind.INVALID, "nothing was compared", {}
    floor: dict[str, float] = {}
    if again is not None:
        if again.problems:
            return VerdictKind.INVALID, f"the reference's repetition: {again.problems[0]}", {}
        if thresholds.deterministic and (at := first_divergence(again)) is not None:
            return (
                VerdictKind.INVALID,
                f"contaminated: the reference no longer repeats itself, {_where(at)}",
                {},
            )
        floor = {name: of.max_abs for name, of in summaries(again).items() if of.max_abs}
    if bool(delta.table["equal"].all()):
        return VerdictKind.IDENTICAL, "bit for bit", floor
    if thresholds.tolerance:
        return *_within(delta, thresholds.tolerance, "the stated tolerance"), floor
    if again is not None and floor:
        return *_within(delta, _repeated(again), "the noise floor"), floor
    at = first_divergence(delta)
    assert at is not None
    return VerdictKind.DIVERGED, f"from {_where(at)}", floor


def _repeated(again: Delta) -> dict[str, float]:
    """What the reference grants itself: a metric that it repeats to the bit must be equal to the bit.

    A fingerprint that it does not repeat says nothing, and is left out.
    """
    return {name: size for name, of in summaries(again).items() if math.isfinite(size := _size(of))}


def _within(delta: Delta, allowed: Mapping[str, float], name: str) -> tuple[VerdictKind, str]:
    measured = summaries(delta)
    if unknown := sorted(allowed.keys() - measured.keys()):
        return VerdictKind.INVALID, f"{name} names {unknown[0]!r}, which was not compared"
    sizes = {metric: _size(measured[metric]) for metric in allowed}
    over = {metric: size for metric, size in sizes.items() if not size <= allowed[metric]}  # a NaN is over
    if not over:
        return VerdictKind.WITHIN, name
    metric, size = next(iter(over.items()))
    return VerdictKind.DIVERGED, f"{metric} is off by {size:.3g}, {name} is {allowed[metric]:.3g}"


def _size(summary: MetricSummary) -> float:
    """A fingerprint has no size: equal is 0, unequal is beyond every tolerance."""
    if summary.max_abs is None:
        return 0.0 if summary.first_step is None else math.inf
    return summary.max_abs


def first_divergence(delta: Delta) -> FirstDivergence | None:
    """The first unequal row: the table is in the order of steps, and of stages within a step."""
    unequal = delta.table[~delta.table["equal"]]
    if unequal.empty:
        return None
    row = unequal.iloc[0]
    return FirstDivergence(
        step=int(row["step"]),
        stage=Stage(row["stage"]) if row["stage"] else None,
        metric=row["metric"],
        reference=row["reference"],
        candidate=row["candidate"],
        delta=None if math.isnan(row["delta"]) else float(row["delta"]),
        ulp=_integer(row["ulp"]),
        detail=row["detail"],
    )


def summaries(delta: Delta) -> dict[str, MetricSummary]:
    """Each compared metric over all steps, in the order of the flow."""
    return {str(metric): _summary(rows) for metric, rows in delta.table.groupby("metric", sort=False, dropna=False)}


def _summary(rows: pd.DataFrame) -> MetricSummary:
    unequal = rows[~rows["equal"]]
    is_fingerprint = all(isinstance(value, str) for value in rows["reference"])
    return MetricSummary(
        max_abs=None if is_fingerprint else float(rows["delta"].abs().max(skipna=False)),
        max_ulp=_integer(rows["ulp"].max()),
        first_step=None if unequal.empty else int(unequal["step"].iloc[0]),
        unequal=len(unequal),
        compared=len(rows),
    )


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, int) or hasattr(value, "__index__") else None


def _where(at: FirstDivergence) -> str:
    stage = f"stage {at.stage}" if at.stage else at.metric
    return f"step {at.step}, {stage}"
