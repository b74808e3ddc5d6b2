"""Turns what the processes of a cell recorded into its result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.judge.alarms import alarms
from parity.judge.blind_spots import during
from parity.judge.control import judge_control, with_control
from parity.judge.curves import curves
from parity.judge.diff import diff, only, recording
from parity.judge.effective import differences, warnings
from parity.judge.executed import alike, executed, strays, with_executed
from parity.judge.generators import parted
from parity.judge.misreports import misreported, with_misreports
from parity.judge.result import CellResult, ProbeResult
from parity.judge.saved import saved_otherwise
from parity.judge.trained import with_trained
from parity.judge.verdict import Thresholds, judge
from parity.probe.values import BOTH_ARMS, OUTCOMES, ArmName
from parity.trace.cell import EXIT
from parity.trace.upstream import doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from parity.judge.blind_spots import BlindSpot
    from parity.judge.control import Controlled
    from parity.judge.outcomes import Rates, Shift
    from parity.judge.verdict import Verdict
    from parity.probe.values import Probe
    from parity.trace.cell import ReadCell
    from parity.trace.control import Control
    from parity.trace.values import Trace


def judge_cell(probe: Probe, seed: int, cell: ReadCell) -> CellResult:
    """Judges one cell.

    Args:
        probe: the probe as planned.
        seed: the seed of the cell.
        cell: what its processes recorded.

    """
    traces = cell.traces
    if failure := _failure(cell):
        return _failed(seed, traces, failure)
    found = judge_traces(
        traces,
        again=[read.trace for read in cell.repetitions if read.trace is not None],
        thresholds=Thresholds(tolerance=probe.tolerance, deterministic=is_deterministic(traces[ArmName.REFERENCE])),
        control=cell.control,
    )
    return replace(found, seed=seed, note="; ".join(filter(None, [_crashed(cell), found.note])))


def judge_traces(
    traces: Mapping[ArmName, Trace],
    *,
    again: Sequence[Trace] = (),
    thresholds: Thresholds,
    control: Control | None = None,
    metrics: Sequence[str] = (),
) -> CellResult:
    """Judges two traces, whether a cell or two commands recorded them.

    Args:
        traces: of the reference and the candidate; of a cell also of the reference's repetition.
        again: the reference's repetitions.
        thresholds: what may differ.
        control: what both arms ended with without a tap; None if there was none.
        metrics: those that alone are compared and decide; empty: all.

    """
    arms = (traces[ArmName.REFERENCE], traces[ArmName.CANDIDATE])
    reference, candidate = only(recording(arms[0]), metrics), only(recording(arms[1]), metrics)
    verdict = judge(
        diff(reference, candidate),
        again=[diff(reference, only(recording(each), metrics)) for each in again],
        thresholds=thresholds,
    )
    controlled = judge_control(traces, again, control, verdict.thresholds)
    return CellResult(
        seed=arms[0].header.seed or 0,
        steps=len(reference.rows),
        verdict=verdict if metrics else _amended(verdict, traces, controlled),
        control=controlled,
        lent_by=arms[0].header.lent_by,
        curves=curves(reference, candidate),
        upstream=tuple(doubts(arms[0].header.provenance)),
        executed=executed(traces),
        same_code=alike(verdict, traces),
        strays=strays(traces),
        provenance=arms[1].header.provenance,
        differences=differences(*arms),
        warnings=warnings(traces),
        blind=during(*arms),
        alarms=tuple(f"{name}: {said}" for name in BOTH_ARMS for said in alarms(traces[name])),
        random=parted(arms[1], [arms[0], *again]),
        outcomes=(_outcome(arms[0]), _outcome(arms[1])),
        note="; ".join(filter(None, (saved_otherwise(traces), misreported(*arms)))),
    )


def is_deterministic(trace: Trace) -> bool:
    """Whether the device of a trace repeats itself."""
    device = trace.header.provenance.get("device")
    return isinstance(device, dict) and device.get("deterministic") is True


def _amended(verdict: Verdict, traces: Mapping[ArmName, Trace], controlled: Controlled | None) -> Verdict:
    """Applies the checks that follow the comparison of the traces; a later check overrides an earlier one.

    The first three make a verdict invalid: nothing was trained, the arms did not run different code, or the tap changed
    what it recorded. The last compares what the candidate reports of its steps; it changes nothing if the verdict is
    invalid.
    """
    verdict = with_trained(verdict, traces)
    verdict = with_executed(verdict, traces)
    verdict = with_control(verdict, controlled)
    return with_misreports(verdict, traces[ArmName.CANDIDATE])


def probe_result(
    probe: Probe, cells: tuple[CellResult, ...], blind: tuple[BlindSpot, ...], not_run: str = ""
) -> ProbeResult:
    """The result of a probe from its cells, in the order of the seeds, and from what was known before they ran."""
    return ProbeResult(probe=probe, cells=cells, blind=blind, not_run=not_run, outcomes=judge_outcomes(cells))


def judge_outcomes(cells: Iterable[CellResult]) -> dict[str, Rates | Shift]:
    """Judges every outcome that was measured, over the seeds of a probe."""
    reference: dict[str, dict[int, Any]] = {}
    candidate: dict[str, dict[int, Any]] = {}
    for cell in cells:
        for by_name, measured in zip((reference, candidate), cell.outcomes, strict=True):
            for name, value in measured.items():
                by_name.setdefault(name, {})[cell.seed] = value
    names = [name for name in OUTCOMES if name in reference or name in candidate]
    if not names:
        return {}
    from parity.judge.outcomes import judge_rates, judge_shift  # noqa: PLC0415 - scipy takes seconds to import

    judges: dict[str, Callable[..., Rates | Shift]] = {"contains": judge_rates}
    return {name: judges.get(name, judge_shift)(reference.get(name, {}), candidate.get(name, {})) for name in names}


def _failure(cell: ReadCell) -> str:
    """The first arm that cannot be judged, and why; empty if all can."""
    if cell.not_started:
        return cell.not_started
    for arm, read in cell.arms.items():
        if read.failure:
            return f"{arm}: {read.failure}"
    for number, read in enumerate(cell.repetitions[1:], start=2):
        if read.failure:
            return f"{ArmName.REFERENCE_AGAIN} {number}: {read.failure}"
    return f"its {EXIT} is missing or damaged: the process was killed at its end" if cell.exit_code is None else ""


def _failed(seed: int, traces: Mapping[ArmName, Trace], failure: str) -> CellResult:
    reference, candidate = traces.get(ArmName.REFERENCE), traces.get(ArmName.CANDIDATE)
    return CellResult(
        seed=seed,
        steps=len(reference.steps) if reference else 0,
        verdict=None,
        failure=failure,
        provenance=candidate.header.provenance if candidate else {},
    )


def _outcome(trace: Trace) -> Mapping[str, float | bool | str]:
    return {} if trace.outcome is None else trace.outcome.metrics


def _crashed(cell: ReadCell) -> str:
    return f"the process {cell.crash} after its last step; the traces are complete" if cell.crash else ""
