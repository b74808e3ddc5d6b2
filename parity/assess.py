"""From the traces of a cell, wherever they were recorded, to its result."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.blind import during
from parity.configuration import differences, warnings
from parity.controlled import read_control, with_control
from parity.curves import curves
from parity.diff import diff, recording
from parity.errors import BadTraceError
from parity.lineage import doubt, executed, strays
from parity.probe.values import OUTCOMES, ArmName, VerdictKind
from parity.reported import said_otherwise, with_reports
from parity.result import CellResult, ProbeResult
from parity.tracefile import read_trace, repetition_path, repetition_paths, trace_path
from parity.upstream import doubts
from parity.verdict import Thresholds, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from parity.blind import BlindSpot
    from parity.outcome import Rates, Shift
    from parity.probe.values import Probe
    from parity.trace import Trace

LOG = "trainer.log"
EXIT = "exit-status"


def note_exit(folder: Path, code: int) -> None:
    """Keeps how the process of a cell ended: negative for a signal."""
    (folder / EXIT).write_text(f"{code}\n", encoding="ascii")


def assess(probe: Probe, seed: int, folder: Path) -> CellResult:
    """Judges one cell from what its process left in `folder`."""
    exit_code = exit_code_of(folder)
    traces: dict[ArmName, Trace] = {}
    for arm in ArmName:
        trace, failure = read_arm(probe, seed, folder, arm)
        if trace is not None:
            traces[arm] = trace
        if failure:
            return _failed(seed, traces, f"{arm}: {failure}")
    repetitions = [traces[ArmName.REFERENCE_AGAIN]]
    for number in range(2, len(repetition_paths(folder)) + 1):
        trace, failure = read_arm(probe, seed, folder, ArmName.REFERENCE_AGAIN, number)
        if trace is None or failure:
            return _failed(seed, traces, f"{ArmName.REFERENCE_AGAIN} {number}: {failure}")
        repetitions.append(trace)
    reference, candidate = recording(traces[ArmName.REFERENCE]), recording(traces[ArmName.CANDIDATE])
    again = [diff(reference, recording(each)) for each in repetitions]
    device = traces[ArmName.REFERENCE].header.provenance.get("device")
    thresholds = Thresholds(
        tolerance=probe.tolerance,
        deterministic=isinstance(device, dict) and device.get("deterministic") is True,
    )
    control = read_control(folder)
    verdict = judge(diff(reference, candidate), again=again, thresholds=thresholds)
    why = doubt(traces)
    if why:
        verdict = replace(verdict, kind=VerdictKind.INVALID, reason=why)
    return CellResult(
        seed=seed,
        steps=len(reference.rows),
        verdict=with_reports(with_control(verdict, traces, control), traces[ArmName.CANDIDATE]),
        controlled=control is not None,
        curves=curves(reference, candidate),
        upstream=tuple(doubts(traces[ArmName.REFERENCE].header.provenance)),
        executed=executed(traces),
        same_code=why,
        strays=strays(traces),
        provenance=traces[ArmName.CANDIDATE].header.provenance,
        differences=differences(traces[ArmName.REFERENCE], traces[ArmName.CANDIDATE]),
        warnings=warnings(traces),
        blind=during(traces[ArmName.REFERENCE], traces[ArmName.CANDIDATE]),
        outcomes=(_outcome(traces[ArmName.REFERENCE]), _outcome(traces[ArmName.CANDIDATE])),
        note=_note(exit_code, said_otherwise(traces[ArmName.REFERENCE], traces[ArmName.CANDIDATE])),
    )


def _note(exit_code: int | None, said: str) -> str:
    crash = f"the process {_death(exit_code)} after its last step; the traces are whole" if exit_code else ""
    return "; ".join(filter(None, [crash, said]))


def read_arm(probe: Probe, seed: int, folder: Path, arm: ArmName, number: int = 1) -> tuple[Trace | None, str]:
    """The trace of an arm, as far as there is one, and why it cannot be judged; empty where it can.

    Args:
        probe: as it was planned.
        seed: of the cell.
        folder: of the cell.
        arm: whose trace.
        number: of the reference's repetition.

    """
    exit_code = exit_code_of(folder)
    path = repetition_path(folder, number) if arm is ArmName.REFERENCE_AGAIN else trace_path(folder, arm)
    try:
        trace = read_trace(path)
    except BadTraceError as error:
        return None, str(error) if path.exists() else f"{_death(exit_code)}{_last_words(folder)}"
    if not trace.ending.complete:
        return trace, _why(trace, exit_code)
    return trace, _not_as_planned(probe, seed, arm, trace)


def _outcome(trace: Trace) -> Mapping[str, float | bool | str]:
    return {} if trace.outcome is None else trace.outcome.metrics


def probe_result(
    probe: Probe, cells: tuple[CellResult, ...], blind: tuple[BlindSpot, ...], not_run: str = ""
) -> ProbeResult:
    """A probe from its cells, in the order of the seeds, and what was known before them."""
    return ProbeResult(probe=probe, cells=cells, blind=blind, not_run=not_run, outcomes=judge_outcomes(cells))


def judge_outcomes(cells: Iterable[CellResult]) -> dict[str, Rates | Shift]:
    """Every outcome that was measured, over the seeds of a probe."""
    reference: dict[str, dict[int, Any]] = {}
    candidate: dict[str, dict[int, Any]] = {}
    for cell in cells:
        for by_name, measured in zip((reference, candidate), cell.outcomes, strict=True):
            for name, value in measured.items():
                by_name.setdefault(name, {})[cell.seed] = value
    names = [name for name in OUTCOMES if name in reference or name in candidate]
    if not names:
        return {}
    from parity.outcome import judge_rates, judge_shift  # noqa: PLC0415 - scipy takes seconds to import

    judges: dict[str, Callable[..., Rates | Shift]] = {"contains": judge_rates}
    return {name: judges.get(name, judge_shift)(reference.get(name, {}), candidate.get(name, {})) for name in names}


def _not_as_planned(probe: Probe, seed: int, arm: ArmName, trace: Trace) -> str:
    """What a complete trace lacks, or has of another cell; empty if nothing."""
    header, steps = trace.header, probe.workload.steps
    told = (header.probe, header.arm, header.seed, header.steps)
    if told != (probe.name, arm, seed, steps):
        return f"a trace of another cell: {told[0]}, {told[1]}, seed {told[2]}, {told[3]} steps"
    if trace.start is None or trace.end is None:
        return "a trace without the parameters before and after training"
    if [step.step for step in trace.steps] != list(range(1, steps + 1)):
        return f"a complete trace with {len(trace.steps)} of {steps} steps"
    return ""


def exit_code_of(folder: Path) -> int | None:
    """How the process of a cell ended, as `note_exit` kept it; None where it did not."""
    try:
        return int((folder / EXIT).read_text("ascii"))
    except (OSError, ValueError):
        return None


def _failed(seed: int, traces: dict[ArmName, Trace], failure: str) -> CellResult:
    reference, candidate = traces.get(ArmName.REFERENCE), traces.get(ArmName.CANDIDATE)
    return CellResult(
        seed=seed,
        steps=len(reference.steps) if reference else 0,
        verdict=None,
        failure=failure,
        provenance=candidate.header.provenance if candidate else {},
    )


def _why(trace: Trace, exit_code: int | None) -> str:
    ending = trace.ending
    if ending.unavailable:
        return ending.why
    done = len(trace.steps)
    after = f"after step {done} of {trace.header.steps}" if done else "before step 1"
    if exit_code is not None and exit_code < 0 and not ending.why.startswith("KeyboardInterrupt"):
        return f"{_death(exit_code)} {after}; see {LOG}"
    return f"{ending.why} ({after}); see {LOG}"


def _last_words(folder: Path) -> str:
    """The last line of the cell's log, where an exception leaves its message."""
    try:
        lines = (folder / LOG).read_text("utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({said[:300]})" if said else ""


def _death(exit_code: int | None) -> str:
    if exit_code is None:
        return "there is no trace"
    if exit_code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"died of {names.get(-exit_code, f'signal {-exit_code}')}"
    return f"ended with exit status {exit_code}"
