"""Derives a verdict, and where a divergence starts, from measured deltas, a noise floor and thresholds.

Thresholds are kept apart from the measurements, so that a stored run can be judged again. If nothing was compared, the
verdict is never a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from parity.judge.noise import LEAST, bounds, enough, floor, rank, sizes
from parity.judge.tolerance import largest
from parity.metrics import EXACT_METRICS, Stage
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from parity.judge.columns import Value
    from parity.judge.diff import Delta
    from parity.judge.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What may differ and still pass; by default nothing, bit for bit."""

    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Largest accepted |delta| by metric; if any is given, only these metrics decide."""
    deterministic: bool = True
    """Whether the device repeats itself; there is a noise floor only if it does not."""
    confidence: float = 0.95
    """Needed to call a candidate different from a reference that does not repeat itself."""


@dataclass(frozen=True, kw_only=True)
class FirstDivergence:
    """The earliest stage of the earliest step at which two recordings differ."""

    step: int
    """0: before training."""
    stage: Stage | None
    """None for a metric of a log that belongs to no stage."""
    metric: str
    reference: Value
    candidate: Value
    delta: float | None
    """candidate − reference; None for fingerprints."""
    ulp: int | None
    detail: str
    """Which tensors, for a metric of parameters; how to read the two values, for a misreport."""


@dataclass(frozen=True, kw_only=True)
class MetricSummary:
    """One metric over all steps."""

    max_abs: float | None
    """None for fingerprints, NaN if a value is NaN. Also the smallest tolerance that would pass."""
    max_ulp: int | None
    first_step: int | None
    """None if it never differs."""
    unequal: int
    compared: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict on a candidate, with everything that it is based on."""

    kind: VerdictKind
    reason: str
    """One clause that can follow the verdict."""
    first_divergence: FirstDivergence | None
    metrics: Mapping[str, MetricSummary]
    noise_floor: Mapping[str, float]
    """How far the reference differs from itself, by metric; empty on a deterministic device."""
    problems: tuple[Problem, ...]
    thresholds: Thresholds
    bounds: Mapping[str, float] = field(default_factory=dict)
    """By metric, an upper bound on every difference; empty if there is no noise floor."""
    largest: Mapping[str, float] = field(default_factory=dict)
    """By metric that has a tolerance, the largest |value| of the reference, in the metric's own unit."""
    repetitions: int = 0
    """Of the reference."""
    wanted: int = 0
    """Repetitions that would settle an inconclusive verdict; 0 for every other verdict."""

    def is_equal(self, metric: str) -> bool:
        """Whether a metric was compared and never differs."""
        return metric in self.metrics and self.metrics[metric].first_step is None


def judge(delta: Delta, *, again: Sequence[Delta], thresholds: Thresholds) -> Verdict:
    """Judges a candidate against its reference.

    Args:
        delta: candidate − reference.
        again: the reference's repetitions − the reference; empty if there are none, as for logs.
        thresholds: what may differ.

    """
    kind, reason, at = _decide(delta, again, thresholds)
    noisy = [each for each in again if not each.unequal.empty]
    return Verdict(
        kind=kind,
        reason=reason,
        first_divergence=at,
        metrics=summaries(delta),
        noise_floor=_greatest(noisy),
        bounds=bounds(delta, again) if noisy and kind is not VerdictKind.INVALID else {},
        largest=largest(delta.table, thresholds.tolerance),
        repetitions=len(again),
        wanted=_wanted(kind, len(again), thresholds),
        problems=delta.problems,
        thresholds=thresholds,
    )


def _decide(
    delta: Delta, again: Sequence[Delta], thresholds: Thresholds
) -> tuple[VerdictKind, str, FirstDivergence | None]:
    first = first_divergence(delta.unequal)
    if delta.problems:
        return VerdictKind.INVALID, "; ".join(str(problem) for problem in delta.problems), first
    if delta.table.empty:
        return VerdictKind.INVALID, "nothing was compared", None
    if broken_off := next((each.problems[0] for each in again if each.problems), None):
        return VerdictKind.INVALID, f"the reference's repetition cannot be compared: {broken_off}", first
    noisy = next((at for each in again if (at := first_divergence(each.unequal))), None)
    if noisy is not None and thresholds.deterministic:
        return VerdictKind.INVALID, f"contaminated: the reference no longer repeats itself, {_where(noisy)}", first
    if unknown := sorted(thresholds.tolerance.keys() - set(delta.table["metric"].cat.categories)):
        return VerdictKind.INVALID, f"the stated tolerance names {unknown[0]!r}, which was not compared", first
    if first is None:
        return VerdictKind.IDENTICAL, "bit for bit", None
    allowed, name = _allowed(delta, again, thresholds)
    if not name and (again or thresholds.deterministic):
        return VerdictKind.DIVERGED, f"from {_where(first)}", first
    if not again and not thresholds.tolerance:
        return _without_repetitions(delta, first)
    over = broken(delta, again, thresholds)
    if thresholds.tolerance or (over & delta.table["metric"].isin(EXACT_METRICS)).any():
        return _by_row(delta, over, allowed, name) if over.any() else (VerdictKind.WITHIN, name, first)
    return _by_rank(delta, again, thresholds, over, first)


def _without_repetitions(delta: Delta, first: FirstDivergence) -> tuple[VerdictKind, str, FirstDivergence]:
    """Two traces of a device that does not repeat itself: only what has no noise can tell them apart."""
    exact = first_divergence(delta.unequal[delta.unequal["metric"].isin(EXACT_METRICS)])
    if exact is not None:
        return VerdictKind.DIVERGED, f"from {_where(exact)}", exact
    why = f"they differ from {_where(first)}, but the device does not repeat itself, and nothing here tells how far"
    return VerdictKind.INCONCLUSIVE, f"{why}; state a --tolerance, or ask `parity run`, which measures it", first


def _by_rank(
    delta: Delta, again: Sequence[Delta], thresholds: Thresholds, over: pd.Series[bool], first: FirstDivergence
) -> tuple[VerdictKind, str, FirstDivergence]:
    """Judges by the candidate's rank among the repetitions of a reference that does not repeat itself."""
    if len(again) < LEAST:
        few = "one repetition is" if len(again) == 1 else f"{len(again)} repetitions are"
        why = f"the reference does not repeat itself, and {few} too few to measure the noise"
        return VerdictKind.INCONCLUSIVE, why, first
    allowed, name = _allowed(delta, again, thresholds)
    found = rank(delta, again)
    if not over.any():
        return VerdictKind.WITHIN, f"{name} of {len(again)} repetitions", first
    if found.further:
        also = f"{found.further} of {len(again)} repetitions are as far off"
        return VerdictKind.WITHIN, f"{name}: {also}", first
    if found.p_value > 1 - thresholds.confidence + 1e-9:
        needed = f"{enough(thresholds.confidence)} are needed for {thresholds.confidence:.0%} confidence"
        why = f"further off than all {len(again)} repetitions of the reference, but {needed}"
        return VerdictKind.INCONCLUSIVE, why, first
    kind, reason, at = _by_row(delta, over, allowed, name)
    return kind, f"{reason} ({thresholds.confidence:.0%} confidence)", at


def _by_row(
    delta: Delta, over: pd.Series[bool], allowed: pd.Series[float], name: str
) -> tuple[VerdictKind, str, FirstDivergence]:
    """The divergence at the first row that breaks the rule."""
    row = int(over.to_numpy().argmax())
    at = first_divergence(delta.table.iloc[[row]])
    assert at is not None
    off = sizes(delta.table).iloc[row]
    reason = f"from {_where(at)}: off by {off:.9g}, {name} is {allowed.iloc[row]:.9g}"
    return VerdictKind.DIVERGED, reason, at


def _wanted(kind: VerdictKind, had: int, thresholds: Thresholds) -> int:
    """How many repetitions would settle an inconclusive verdict."""
    if kind is not VerdictKind.INCONCLUSIVE:
        return 0
    return LEAST if had < LEAST else enough(thresholds.confidence)


def broken(delta: Delta, again: Sequence[Delta], thresholds: Thresholds) -> pd.Series[bool]:
    """Which rows of a delta table break the rule that applies: stated tolerance, noise floor, or bit for bit."""
    allowed, name = _allowed(delta, again, thresholds)
    return ~(sizes(delta.table) <= allowed) if name else ~delta.table["equal"]  # a NaN breaks every rule


def _allowed(delta: Delta, again: Sequence[Delta], thresholds: Thresholds) -> tuple[pd.Series[float], str]:
    """By how much each row may differ, and the name of that rule; the name is empty if no row may differ."""
    if thresholds.tolerance:
        return _tolerated(delta.table, thresholds.tolerance), "the stated tolerance"
    if all(each.unequal.empty for each in again):
        return delta.table["delta"] * 0.0, ""
    return floor(again, delta.table.index), "the noise floor"


def _tolerated(table: pd.DataFrame, tolerance: Mapping[str, float]) -> pd.Series[float]:
    """By row, how much its metric may differ; a metric without a tolerance may differ by any amount."""
    metrics = table["metric"].cat
    allowed = np.array([tolerance.get(str(metric), math.inf) for metric in metrics.categories], dtype=np.float64)
    return table["delta"].mul(0.0).fillna(0.0) + allowed[metrics.codes]


def _greatest(again: Sequence[Delta]) -> dict[str, float]:
    """By metric, the most that the reference differed from itself."""
    found: dict[str, float] = {}
    for each in again:
        for name, of in summaries(each).items():
            if of.max_abs:
                found[name] = max(found.get(name, 0.0), of.max_abs)
    return found


def first_divergence(rows: pd.DataFrame) -> FirstDivergence | None:
    """The first of some rows of a delta table, which is sorted by step, then by stage; None if there are none."""
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
    """Each compared metric over all steps, in the order of the stages."""
    table, metrics = delta.table, delta.table["metric"].cat
    rows = {str(name): np.flatnonzero(metrics.codes == code) for code, name in enumerate(metrics.categories)}
    whole = {name: table[name].to_numpy() for name in ("step", "reference", "delta", "equal")}
    ulp = table["ulp"].array
    return {
        name: _summary({of: values[at] for of, values in whole.items()}, ulp[at].max())
        for name, at in rows.items()
        if len(at)
    }


def _summary(of: Mapping[str, NDArray[Any]], max_ulp: object) -> MetricSummary:
    unequal = np.flatnonzero(~of["equal"])
    is_fingerprint = of["reference"].dtype == object and all(isinstance(value, str) for value in of["reference"])
    return MetricSummary(
        max_abs=None if is_fingerprint else float(np.abs(of["delta"]).max()),
        max_ulp=_integer(max_ulp),
        first_step=int(of["step"][unequal[0]]) if len(unequal) else None,
        unequal=len(unequal),
        compared=len(of["equal"]),
    )


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, int) or hasattr(value, "__index__") else None


def _where(at: FirstDivergence) -> str:
    stage = f"stage {at.stage}" if at.stage else at.metric
    return f"step {at.step}, {stage}"
