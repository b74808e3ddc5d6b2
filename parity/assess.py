"""From the traces of a cell, wherever they were recorded, to its result."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from parity.diff import diff, recording
from parity.errors import BadTraceError
from parity.probe.values import ArmName
from parity.result import CellResult
from parity.trace import Trace, read_trace
from parity.verdict import Thresholds, judge

if TYPE_CHECKING:
    from pathlib import Path

    from parity.probe.values import Probe

LOG = "trainer.log"
EXIT = "exit-status"


def trace_path(folder: Path, arm: ArmName) -> Path:
    """Where a cell keeps the trace of an arm."""
    return folder / f"{arm}.jsonl"


def note_exit(folder: Path, code: int) -> None:
    """Keeps how the process of a cell ended: negative for a signal."""
    (folder / EXIT).write_text(f"{code}\n", encoding="ascii")


def assess(probe: Probe, seed: int, folder: Path) -> CellResult:
    """Judges one cell from what its process left in `folder`."""
    exit_code = int((folder / EXIT).read_text("ascii")) if (folder / EXIT).is_file() else None
    traces: dict[ArmName, Trace] = {}
    for arm in ArmName:
        try:
            traces[arm] = read_trace(trace_path(folder, arm))
        except BadTraceError as error:
            missing = not trace_path(folder, arm).exists()
            why = f"{_death(exit_code)}{_last_words(folder)}" if missing else str(error)
            return _failed(seed, traces, f"{arm}: {why}")
        if not traces[arm].ending.complete:
            return _failed(seed, traces, f"{arm}: {_why(traces[arm], exit_code)}")
    reference, candidate, again = (recording(traces[arm]) for arm in ArmName)
    device = traces[ArmName.REFERENCE].header.provenance.get("device", {})
    return CellResult(
        seed=seed,
        steps=len(reference.rows),
        verdict=judge(
            diff(reference, candidate),
            again=diff(reference, again),
            thresholds=Thresholds(tolerance=probe.tolerance, deterministic=bool(device.get("deterministic", False))),
        ),
        note=f"the process {_death(exit_code)} after its last step; the traces are whole" if exit_code else "",
    )


def _failed(seed: int, traces: dict[ArmName, Trace], failure: str) -> CellResult:
    reference = traces.get(ArmName.REFERENCE)
    return CellResult(seed=seed, steps=len(reference.steps) if reference else 0, verdict=None, failure=failure)


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
        return f"died of {signal.Signals(-exit_code).name}"
    return f"ended with exit status {exit_code}"
