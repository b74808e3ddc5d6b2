"""Finds numbers of a cell that do not follow from each other, such as a delta that is not candidate − reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from parity.judge.misreports import REPORTS
from parity.metrics import METRICS
from parity.ulp import ulp_distance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from parity.judge.columns import Value
    from parity.judge.curves import Curve
    from parity.judge.verdict import FirstDivergence, MetricSummary, Verdict

_REPORTED = {f"reported_{name}" for name in REPORTS}


def of_divergence(at: FirstDivergence) -> Iterator[str]:
    """Its values must differ, be of the metric's type, and be as far apart as it says."""
    said = f"{at.metric} differs at step {at.step}"
    if at.metric not in METRICS and at.metric not in _REPORTED:
        yield f"{said}, but is not compared"
        return
    if at.step < 0:
        yield f"{said}, which is no step"
    sized = at.metric in _REPORTED or METRICS[at.metric].sized
    if any(isinstance(value, str) is sized for value in (at.reference, at.candidate)):
        yield f"{said}, but its values are {'text' if sized else 'numbers'}"
        return
    if at.reference == at.candidate:
        yield f"{said}, but both values are {at.reference}"
    delta, ulp = _apart(at.reference, at.candidate)
    if _unless_nan(at.delta) != _unless_nan(delta):
        yield f"{said} by {at.delta}, but candidate − reference is {delta}"
    if at.ulp != ulp:
        yield f"{said} by {at.ulp} ULPs, but its values are {ulp} apart"


def of_metric(name: str, summary: MetricSummary) -> Iterator[str]:
    """How often, from which step and how far a metric differs must match."""
    far, ulp = summary.max_abs, summary.max_ulp
    if name not in METRICS:
        yield f"{name} was compared, but is no metric"
    elif not 0 <= summary.unequal <= summary.compared or bool(summary.unequal) is (summary.first_step is None):
        yield f"{name} differs {summary.unequal} of {summary.compared} times, from step {summary.first_step}"
    elif (ulp is not None and ulp < 0) or (far is not None and far < 0.0):
        yield f"{name} is off by {far} and {ulp} ULPs, and neither can be negative"
    elif not METRICS[name].sized and (far is not None or ulp is not None):
        yield f"{name} is off by {ulp if far is None else far}, but a fingerprint has no size"
    elif METRICS[name].sized and far is None:
        yield f"{name} has a size, but it is not said how far it is off"
    elif not summary.unequal and (ulp or (far or 0.0) > 0.0):
        yield f"{name} never differs, but is off by {far}"
    elif summary.unequal and (far == 0.0 or ulp == 0):
        yield f"{name} differs {summary.unequal} times, but is off by {far} and {ulp} ULPs"


def of_steps(verdict: Verdict, planned: int, unseen: Collection[str]) -> Iterator[str]:
    """Of a cell that was compared: every metric once at each step, or once for all parameters of a kind.

    Args:
        verdict: of the cell.
        planned: how many steps it was to take.
        unseen: metrics that a blind spot names; they may have been compared at fewer steps.

    """
    for name, summary in verdict.metrics.items():
        if name not in METRICS:
            continue
        metric = METRICS[name]
        steps = metric.steps(planned) if metric.per_step else (planned if metric.at_end else 0,)
        first = summary.first_step
        if summary.compared != len(steps) and not (name in unseen and summary.compared < len(steps)):
            yield f"{name} was compared {summary.compared} times, not {len(steps)}"
        elif first is not None and (first not in steps or summary.unequal > len(steps) - steps.index(first)):
            yield f"{name} differs {summary.unequal} times from step {first} of {planned} on"
        elif summary.max_abs is not None and math.isnan(summary.max_abs):
            yield f"{verdict.kind}, but {name} is off by NaN"


def of_greatest(verdict: Verdict) -> Iterator[str]:
    """No difference is larger than the greatest, and none than its bound."""
    at = verdict.first_divergence
    summary = None if at is None else verdict.metrics.get(at.metric)
    if at is not None and summary is not None and summary.unequal:
        if at.delta is not None and summary.max_abs is not None and abs(at.delta) > summary.max_abs:
            yield f"{at.metric} is off by {at.delta} at step {at.step}, but by {summary.max_abs} at most"
        if at.ulp is not None and at.ulp > (summary.max_ulp or 0):
            yield f"{at.metric} is off by {at.ulp} ULPs at step {at.step}, but by {summary.max_ulp} at most"
    for name, bound in verdict.bounds.items():
        known = verdict.metrics.get(name)
        most = max(verdict.noise_floor.get(name, 0.0), 0.0 if known is None else known.max_abs or 0.0)
        if not most <= bound:
            yield f"no {name} is off by more than {bound}, but one is by {most}"
    for name, floor in verdict.noise_floor.items():
        if not floor >= 0.0:
            yield f"the noise floor of {name} is {floor}"


def of_largest(verdict: Verdict, curves: Mapping[str, Curve]) -> Iterator[str]:
    """What a tolerance is held against: the largest value of each metric that has one, and no less than any value."""
    stated = {name for name in verdict.thresholds.tolerance if name in METRICS and METRICS[name].sized}
    if odd := sorted(stated ^ verdict.largest.keys()):
        yield f"{odd[0]} has {'a tolerance, but no' if odd[0] in stated else 'no tolerance, but a'} largest value"
    for name, most in verdict.largest.items():
        known = [value for value in curves[name].reference if value is not None] if name in curves else []
        at = verdict.first_divergence
        if at is not None and at.metric == name and not isinstance(at.reference, str):
            known.append(at.reference)
        if over := [value for value in known if abs(value) > most]:
            yield f"{name} is {most} at most, but {over[0]} in one place"


def of_curve(name: str, curve: Curve, summary: MetricSummary | None) -> Iterator[str]:
    """A curve differs where, and as far as, its metric does."""
    gaps = [gap for gap in curve.gaps if gap]
    most = 0.0 if summary is None else summary.max_abs or 0.0
    if summary is None or any(gap > most for gap in gaps):
        far = f"at most {most}" if summary is not None else "not compared"
        yield f"the curve of {name} is off by {max(gaps, default=0.0)}, but {name} is {far}"


def _apart(left: Value, right: Value) -> tuple[float | None, int | None]:
    """Delta and ULPs, as the judge measures them: none for text, no ULPs for integers."""
    if isinstance(left, str) or isinstance(right, str):
        return None, None
    counted = isinstance(left, float) and isinstance(right, float)
    return 0.0 if left == right else float(right - left), ulp_distance(left, right) if counted else None


def _unless_nan(delta: float | None) -> float | None:
    """A delta of a NaN is written as none, or as NaN of a misreport."""
    return None if delta is None or math.isnan(delta) else delta
