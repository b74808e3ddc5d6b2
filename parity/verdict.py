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

    def is_equal(self, metric: str) -> bool:
        """Whether a metric was compared and never differs."""
        return metric in self.metrics and self.metrics[metric].first_step is None


def judge(delta: Delta, *, again: Delta | None, thresholds: Thresholds) -> Verdict:
    """Judges a candidate against its reference.

    Args:
        delta: candidate − reference.
        again: the reference's repetition − the reference; None where there was none, as between logs.
        thresholds: what may differ.

    """
    kind, reason, at = _decide(delta, again, thresholds)
    return Verdict(
        kind=kind,
        reason=reason,
        first_divergence=at,
        metrics=summaries(delta),
        noise_floor={} if again is None else {name: of.max_abs for name, of in summaries(again).items() if of.max_abs},
        problems=delta.problems,
        thresholds=thresholds,
    )


def _decide(
    delta: Delta, again: Delta | None, thresholds: Thresholds
) -> tuple[VerdictKind, str, FirstDivergence | None]:
    first = first_divergence(delta.unequal)
    if delta.problems:
        return VerdictKind.INVALID, "; ".join(str(problem) for problem in delta.problems), first
    if delta.table.empty:
        return VerdictKind.INVALID, "nothing was compared", None
    noisy = None if again is None else first_divergence(again.unequal)
    if again is not None and again.problems:
        return VerdictKind.INVALID, f"the reference's repetition: {again.problems[0]}", first
    if noisy is not None and thresholds.deterministic:
        return VerdictKind.INVALID, f"contaminated: the reference no longer repeats itself, {_where(noisy)}", first
    if unknown := sorted(thresholds.tolerance.keys() - set(delta.table["metric"])):
        return VerdictKind.INVALID, f"the stated tolerance names {unknown[0]!r}, which was not compared", first
    if first is None:
        return VerdictKind.IDENTICAL, "bit for bit", None
    allowed, name = _allowed(delta, again, thresholds)
    if not name:
        return VerdictKind.DIVERGED, f"from {_where(first)}", first
    sizes, over = _sizes(delta.table), broken(delta, again, thresholds)
    if not over.any():
        return VerdictKind.WITHIN, name, first
    row = int(over.to_numpy().argmax())
    at = first_divergence(delta.table.iloc[[row]])
    assert at is not None
    return (
        VerdictKind.DIVERGED,
        f"from {_where(at)}: off by {sizes.iloc[row]:.9g}, {name} is {allowed.iloc[row]:.9g}",
        at,
    )


def broken(delta: Delta, again: Delta | None, thresholds: Thresholds) -> pd.Series[bool]:
    """Which rows of a delta table break the rule that applies: stated tolerance, noise floor, or bit for bit."""
    allowed, name = _allowed(delta, again, thresholds)
    return ~(_sizes(delta.table) <= allowed) if name else ~delta.table["equal"]  # a NaN is over


def _allowed(delta: Delta, again: Delta | None, thresholds: Thresholds) -> tuple[pd.Series[float], str]:
    """By how much each row may differ, and whose rule that is; unnamed where nothing may."""
    if thresholds.tolerance:
        return delta.table["metric"].map(thresholds.tolerance).fillna(math.inf), "the stated tolerance"
    if again is None or again.unequal.empty:
        return delta.table["delta"] * 0.0, ""
    return _floor(again).reindex(delta.table.index, fill_value=0.0), "the noise floor"


def _sizes(table: pd.DataFrame) -> pd.Series[float]:
    """|delta| of every row. A fingerprint has no size: equal is 0, unequal is beyond every tolerance."""
    fingerprint = table["reference"].map(lambda value: isinstance(value, str))
    return table["delta"].abs().where(~fingerprint, (~table["equal"]).map({True: math.inf, False: 0.0}))


def _floor(again: Delta) -> pd.Series[float]:
    """What the reference grants itself, row by row: the most that it was off by in this metric up to this step.

    Noise grows with the steps, so a later one excuses no earlier. A metric that the reference repeats
    to the bit must be equal to the bit; a fingerprint that it does not repeat says nothing.
    """
    return _sizes(again.table).groupby(again.table["metric"], sort=False).cummax()


def first_divergence(rows: pd.DataFrame) -> FirstDivergence | None:
    """The first of some rows of a delta table, which is in the order of steps, and of stages within a step."""
    if rows.empty:
        return None
    row = rows.iloc[0]
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
