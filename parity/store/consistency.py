"""Finds contradictions in results, such as a verdict that does not match its own numbers; no run of this tool has one.

Results from outside are checked for them, since anything can be written by hand.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from unicodedata import normalize

from parity.judge.blind_spots import what_of
from parity.judge.curves import DRAWN
from parity.metrics import METRICS
from parity.probe.values import VerdictKind
from parity.report.escape import plain
from parity.scoreboard.score import CanaryStatus
from parity.store.measured import of_curve, of_divergence, of_greatest, of_largest, of_metric, of_steps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from parity.gate.result import RunResult
    from parity.golden.drift import Checked
    from parity.judge.result import CellResult, ProbeResult
    from parity.judge.verdict import FirstDivergence, MetricSummary, Verdict
    from parity.scoreboard.score import Scoreboard

_DIFFER = frozenset({VerdictKind.WITHIN, VerdictKind.DIVERGED, VerdictKind.INCONCLUSIVE})
_COMPARED = _DIFFER | {VerdictKind.IDENTICAL}


def contradictions(result: RunResult) -> Iterator[str]:
    """Each contradiction, in a line; none if a run could have ended like this."""
    names = Counter(each.probe.name for each in result.probes)
    yield from (f"probe {name!r} appears {count} times" for name, count in names.items() if count > 1)
    shown = Counter(normalize("NFKC", plain(name)) for name in names)
    yield from (f"{count} probes are shown as {name!r}" for name, count in shown.items() if count > 1)
    for probe in result.probes:
        for said in _of_probe(probe):
            yield f"{probe.probe.name!r}: {said}"
    yield from _of_explanations(result)
    if result.goldens is not None:
        yield from _of_goldens(result.goldens)
        planned = {(each.probe.name, seed) for each in result.probes for seed in each.probe.workload.seeds}
        strangers = (cell for cell in result.goldens.absent if cell not in planned)
        yield from (f"{name!r}: no golden of seed {seed}, which is not planned" for name, seed in strangers)
    if result.canaries is not None:
        yield from _of_canaries(result.canaries)


def _of_probe(result: ProbeResult) -> Iterator[str]:
    planned = result.probe.workload.seeds
    seeds = [cell.seed for cell in result.cells]
    if seeds != [seed for seed in planned if seed in {*seeds}]:
        yield f"cells of seeds {seeds}, but {list(planned)} are planned"
    if result.not_run and not result.missing:
        yield f"not run ({result.not_run}), but no seed is missing"
    for cell in result.cells:
        for said in _of_cell(cell, result.probe.workload.steps):
            yield f"seed {cell.seed}: {said}"
        if cell.verdict is not None and cell.verdict.thresholds.tolerance != result.probe.tolerance:
            yield f"seed {cell.seed}: judged with a different tolerance than the probe states"


def _of_cell(cell: CellResult, planned: int) -> Iterator[str]:
    if (cell.verdict is None) is not bool(cell.failure):
        yield "a verdict although an arm failed" if cell.failure else "neither a verdict nor a failure"
    if cell.steps < 0:
        yield f"{cell.steps} steps"
    if cell.verdict is None:
        return
    blind = {spot.what for spot in cell.blind}
    unseen = {name for name in METRICS if what_of(name) in blind}
    if cell.kind in _COMPARED:
        yield from _of_what_was_compared(cell.verdict, planned, unseen)
    yield from _of_verdict(cell.verdict)
    if cell.kind in _COMPARED and cell.steps != planned:
        yield f"{cell.kind} after {cell.steps} of {planned} steps"
    elif cell.kind in _COMPARED:
        yield from of_steps(cell.verdict, planned, unseen)
        yield from of_largest(cell.verdict, cell.curves)
    for name, curve in cell.curves.items():
        if name not in DRAWN:
            yield f"a curve of {name!r}, which is never drawn"
        elif not len(curve.steps) == len(curve.reference) == len(curve.candidate):
            yield f"the curve of {name} is not equally long in both arms"
        elif any(not 1 <= step <= planned for step in curve.steps) or list(curve.steps) != sorted({*curve.steps}):
            yield f"the curve of {name} has steps that are not planned"
        elif cell.kind is VerdictKind.IDENTICAL and curve.reference != curve.candidate:
            yield f"identical, but the curve of {name} is not"
        else:
            yield from of_curve(name, curve, cell.verdict.metrics.get(name))


def _of_what_was_compared(verdict: Verdict, planned: int, unseen: Collection[str]) -> Iterator[str]:
    """A metric that was left out contradicts a verdict, unless a blind spot names it."""
    due = [name for name, metric in METRICS.items() if metric.steps(planned) and name not in unseen]
    if absent := [name for name in due if _unseen(name, verdict.metrics)]:
        yield f"{verdict.kind}, but {absent[0]} was not compared"


def _of_verdict(verdict: Verdict) -> Iterator[str]:
    """A metric that differs contradicts `identical`; one that never differs cannot diverge first."""
    kind, at, metrics = verdict.kind, verdict.first_divergence, verdict.metrics
    if kind in _COMPARED and verdict.problems:
        yield f"{kind} in spite of a problem: {verdict.problems[0]}"
    if verdict.repetitions < 0 or not 0 < verdict.thresholds.confidence < 1:
        yield f"{verdict.repetitions} repetitions, at a confidence of {verdict.thresholds.confidence}"
    if verdict.bounds and verdict.thresholds.deterministic:
        yield "a noise floor on a device that repeats itself"
    differing = [name for name, summary in metrics.items() if summary.unequal or summary.first_step is not None]
    if kind is VerdictKind.IDENTICAL and (differing or at is not None):
        yield f"identical, but {f'{differing[0]} differs' if differing else 'there is a first divergence'}"
    for name, summary in metrics.items():
        yield from of_metric(name, summary)
    yield from of_greatest(verdict)
    yield from () if at is None else of_divergence(at)
    yield from _of_kind(verdict, differing)


def _unseen(name: str, metrics: Mapping[str, MetricSummary]) -> bool:
    """Whether a metric was not compared that must be."""
    return metrics[name].compared < 1 if name in metrics else not METRICS[name].optional


def _of_kind(verdict: Verdict, differing: list[str]) -> Iterator[str]:
    """What differs must be where the verdict says, and as far as its rule says."""
    kind, at = verdict.kind, verdict.first_divergence
    if kind in _DIFFER:
        if at is None:
            yield f"{kind}, but there is no first divergence"
        elif at.metric not in differing and not (kind is VerdictKind.DIVERGED and at.metric.startswith("reported_")):
            yield f"{kind} at {at.metric}, which never differs"
        else:
            yield from _of_place(verdict, at)
    if kind is VerdictKind.WITHIN:
        yield from _of_within(verdict)
    if kind is VerdictKind.DIVERGED and at is not None:
        yield from _of_beyond(verdict.thresholds.tolerance, at)


def _of_place(verdict: Verdict, at: FirstDivergence) -> Iterator[str]:
    """Nothing may differ before the first divergence, unless a tolerance or a noise floor allows it."""
    if at.metric in METRICS and at.stage is not METRICS[at.metric].stage:
        yield f"{verdict.kind} at {at.metric}, which does not belong to stage {at.stage}"
    allowed = verdict.thresholds.tolerance or verdict.bounds
    for name, summary in verdict.metrics.items():
        first = summary.first_step
        if first is not None and first < at.step and not (allowed and verdict.kind is VerdictKind.DIVERGED):
            yield f"{verdict.kind} at step {at.step}, but {name} differs from step {first} on"
        if name == at.metric and first is not None and first > at.step:
            yield f"{verdict.kind} at step {at.step}, but {name} differs only from step {first} on"


def _of_within(verdict: Verdict) -> Iterator[str]:
    tolerance = verdict.thresholds.tolerance
    if not tolerance and not verdict.bounds:
        yield "within, but neither a tolerance nor a noise floor allows it"
    for name, allowed in tolerance.items():
        summary = verdict.metrics.get(name)
        if summary is None or (summary.unequal and (summary.max_abs is None or not summary.max_abs <= allowed)):
            off = "missing" if summary is None else f"off by {summary.max_abs}"
            yield f"within, but {name} is {off}; {allowed} is allowed"


def _of_beyond(tolerance: Mapping[str, float], at: FirstDivergence) -> Iterator[str]:
    """Where a tolerance decides, the arms diverge in a metric that has one, by more than it."""
    if tolerance and at.metric not in tolerance:
        yield f"diverged at {at.metric}, which has no tolerance and so does not decide"
    elif tolerance and at.delta is not None and abs(at.delta) <= tolerance[at.metric]:
        yield f"diverged, but {at.metric} is off by {at.delta}; {tolerance[at.metric]} is allowed"


def _of_explanations(result: RunResult) -> Iterator[str]:
    diverged = {each.probe.name for each in result.probes if any(cell.first_divergence for cell in each.cells)}
    planned = {each.probe.name: each.probe.workload.seeds for each in result.probes}
    for name, tree in result.explanations.items():
        if name not in diverged:
            yield f"{name!r} is explained, but does not diverge"
        elif tree["probe"] != name:
            yield f"{name!r} has the explanation of {tree['probe']!r}"
        elif tree["seed"] not in planned[name]:
            yield f"{name!r} is explained at seed {tree['seed']}, but seeds {list(planned[name])} are planned"
        elif tree["runs"] < 0:
            yield f"{name!r} is explained by {tree['runs']} runs"


def _of_canaries(board: Scoreboard) -> Iterator[str]:
    kinds = {True: {CanaryStatus.QUIET, CanaryStatus.FALSE_ALARM}, False: {CanaryStatus.CAUGHT, CanaryStatus.MISSED}}
    names = Counter(each.canary.name for each in board.scores)
    yield from (f"canary {name!r} appears {count} times" for name, count in names.items() if count > 1)
    alarms = {CanaryStatus.QUIET: False, CanaryStatus.FALSE_ALARM: True, CanaryStatus.CAUGHT: True}
    for each in board.scores:
        said = f"canary {each.canary.name!r} is {each.status}"
        if each.status not in {CanaryStatus.NOT_RUN, *kinds[each.canary.harmless]}:
            yield f"{said}, but {'harmless' if each.canary.harmless else 'a fault'}"
        elif each.status in alarms and alarms[each.status] is each.verdict.passes:
            yield f"{said}, but its verdict is {each.verdict}"
        elif each.at is not None and not _is_place(each.at):
            yield f"{said} at step {each.at.step}, stage {each.at.stage}, in {each.at.metric}, which is no such place"
    if board.identical.cells < 0 or board.seconds < 0:
        yield f"{board.identical.cells} identical cells of known faults in {board.seconds} seconds"


def _is_place(at: FirstDivergence) -> bool:
    return at.step >= 0 and (at.metric not in METRICS or at.stage is METRICS[at.metric].stage)


def _of_goldens(checked: Checked) -> Iterator[str]:
    for (name, seed), drift in checked.drifts.items():
        if (drift.at is None) is not (drift.unequal == 0):
            first = "at no step" if drift.at is None else f"at step {drift.at.step}"
            differ = f"{drift.unequal} of {drift.compared} values differ, first {first}"
            yield f"{name!r}: golden of seed {seed}: {differ}"
        elif not 0 <= drift.unequal <= drift.compared:
            yield f"{name!r}: golden of seed {seed}: {drift.unequal} of {drift.compared} values differ"
        elif drift.at is not None:
            yield from (f"{name!r}: golden of seed {seed}: {said}" for said in of_divergence(drift.at))
