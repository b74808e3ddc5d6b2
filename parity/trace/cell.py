"""The folder of a cell: its files, and a function that reads all of them as one value.

cell.json                what the process was asked to do
reference.jsonl          one trace per arm: candidate.jsonl, reference-again.jsonl, reference-again-2.jsonl, …
trainer.log              what the trainers printed
exit-status              how the process ended
not-started              why no process could be started; only if none could
out-of-time              the logs of the processes that were killed because their time was over; only if one was
control.json             what both arms ended with in a control; only if there was one
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

from parity.errors import BadTraceError, UnreadableError
from parity.files import read_end, read_text, write_whole
from parity.parsing import parse_json
from parity.probe.values import ArmName
from parity.trace.control import Control, read_control
from parity.trace.file import read_trace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from parity.probe.values import Probe
    from parity.trace.values import Trace

SPECIFICATION = "cell.json"
LOG = "trainer.log"
REPETITIONS_LOG = "trainer-again.log"
CONTROL_LOG = "trainer-control.log"
EXIT = "exit-status"
HERE = "here.json"
"""In a folder of its own: where a process says it runs, as the header of a trace does."""
_NOT_STARTED = "not-started"
_OUT_OF_TIME = "out-of-time"
_STATUS = re.compile(r"-?[0-9]{1,3}\n")
_LONGEST_END = 100_000
"""Bytes of a log that are looked at for its last words."""

Run = Callable[["Sequence[Probe]", "Path"], object]
"""Runs the cells of probes below a folder until they have ended, as `parity.runner.cells.run_cells` does."""

LENT = (ArmName.REFERENCE, ArmName.REFERENCE_AGAIN)
"""The arms whose traces can be lent to other cells."""


@dataclass(frozen=True, kw_only=True)
class ReadArm:
    """One arm, as far as it was recorded."""

    trace: Trace | None
    """None if there is no trace that can be read."""
    failure: str
    """Why it cannot be judged; empty if it can."""


@dataclass(frozen=True, kw_only=True)
class ReadCell:
    """Everything that the processes of a cell left behind."""

    arms: Mapping[ArmName, ReadArm]
    """In the order in which they run."""
    repetitions: tuple[ReadArm, ...]
    """The reference's repetitions; the first is the cell's third arm."""
    control: Control | None
    """What both arms ended with without a tap; empty if the control failed, None if there was none."""
    exit_code: int | None
    """How the process ended: negative for a signal, None if it did not end."""
    not_started: str
    """Why no process could be started; empty if one was."""
    out_of_time: str = ""
    """Which limit of time ended the process; empty if none did."""

    @property
    def traces(self) -> dict[ArmName, Trace]:
        """The traces that could be read, complete or not."""
        return {arm: read.trace for arm, read in self.arms.items() if read.trace is not None}

    @property
    def crash(self) -> str:
        """How the process failed, even if it wrote complete traces before; empty if it did not fail."""
        return self.out_of_time or (_death(self.exit_code) if self.exit_code else "")


def read_cell(probe: Probe, seed: int, folder: Path) -> ReadCell:
    """Reads the folder of a cell, without trusting that its content is what was planned.

    Args:
        probe: the probe as planned.
        seed: the seed of the cell.
        folder: the folder of the cell.

    """
    arms = {arm: read_arm(probe, seed, folder, arm) for arm in ArmName}
    more = range(2, len(repetition_paths(folder)) + 1)
    again = [read_arm(probe, seed, folder, ArmName.REFERENCE_AGAIN, number) for number in more]
    return ReadCell(
        arms=arms,
        repetitions=(arms[ArmName.REFERENCE_AGAIN], *again),
        control=read_control(folder),
        exit_code=exit_code_of(folder),
        not_started=_why_not_started(folder),
        out_of_time=_out_of_time(probe, folder, LOG),
    )


def read_arm(probe: Probe, seed: int, folder: Path, arm: ArmName, number: int = 1) -> ReadArm:
    """Reads the trace of one arm.

    Args:
        probe: the probe as planned.
        seed: the seed of the cell.
        folder: the folder of the cell.
        arm: the arm whose trace is read.
        number: which repetition of the reference, from 1.

    """
    log = REPETITIONS_LOG if number > 1 else LOG
    late = _out_of_time(probe, folder, log)
    path = repetition_path(folder, number) if arm is ArmName.REFERENCE_AGAIN else trace_path(folder, arm)
    try:
        trace = read_trace(path)
    except BadTraceError as error:
        failure = str(error) if path.exists() else f"{late or _death(exit_code_of(folder))}{_last_words(folder)}"
        return ReadArm(trace=None, failure=failure)
    if not trace.ending.complete:
        return ReadArm(trace=trace, failure=_why_incomplete(trace, late, exit_code_of(folder), log))
    return ReadArm(trace=trace, failure=_not_as_planned(probe, seed, arm, trace))


def trace_path(folder: Path, arm: ArmName) -> Path:
    """Where a cell keeps the trace of an arm."""
    return folder / f"{arm}.jsonl"


def repetition_path(folder: Path, number: int) -> Path:
    """Where a cell keeps this repetition of the reference; the first one runs in the cell's own process."""
    first = trace_path(folder, ArmName.REFERENCE_AGAIN)
    return first if number == 1 else first.with_stem(f"{first.stem}-{number}")


def repetition_paths(folder: Path) -> list[Path]:
    """The traces of the reference's repetitions that exist, in order."""
    paths = (repetition_path(folder, number) for number in count(1))
    return list(takewhile(lambda path: path.exists(), paths))


def cell_parts(probe: str, seed: int) -> tuple[str, ...]:
    """The path of a cell below the folder of its run, in parts."""
    return ("traces", probe, str(seed))


def cell_folder(run: Path, probe: Probe, seed: int) -> Path:
    """The folder of a cell."""
    return run.joinpath(*cell_parts(probe.name, seed))


def note_exit(folder: Path, code: int) -> None:
    """Records how the process of a cell ended: negative for a signal."""
    write_whole(folder / EXIT, f"{code}\n")


def exit_code_of(folder: Path) -> int | None:
    """How the process of a cell ended, as `note_exit` recorded it; None if it did not end."""
    try:
        found = _STATUS.fullmatch(read_text(folder / EXIT))
    except UnreadableError:
        return None
    return int(found[0]) if found else None


def note_not_started(folder: Path, why: str) -> None:
    """Records why no process of a cell could be started."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _NOT_STARTED, why + "\n")


def note_out_of_time(folder: Path, log: str) -> None:
    """Records that the process with this log is killed because its time is over; the log says so too."""
    with suppress(OSError):  # a full disk must not keep a process alive
        with (folder / _OUT_OF_TIME).open("a", encoding="utf-8") as file:
            file.write(f"{log}\n")
        with (folder / log).open("a", encoding="utf-8") as file:
            file.write("\nparity: killed, because its time is over; a probe sets it with `minutes`\n")


def has_ended(folder: Path) -> bool:
    """Whether a cell has a result: its process has ended, or could not be started."""
    return exit_code_of(folder) is not None or bool(_why_not_started(folder))


def must_run(cell: Path, given: Collection[Path] = ()) -> bool:
    """Whether a cell has to be run, because it was not or because a signal ended it. If so, empties its folder.

    Args:
        cell: the folder of the cell.
        given: files that were put there before the cell started; they are kept.

    """
    code = exit_code_of(cell)
    if code is not None and code >= 0:
        return False
    forget_half(cell, given)
    return True


def forget_half(cell: Path, given: Collection[Path] = ()) -> None:
    """Removes what a killed cell left, except files that were put there before it started."""
    for path in cell.iterdir() if cell.is_dir() else ():
        if path not in given:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def lend_reference(recorded: Path, to: Path, probe: str, arms: tuple[ArmName, ...] = LENT) -> None:
    """Copies the reference's traces into the folder of a cell that has not run; that cell does not run these arms.

    Args:
        recorded: the folder of the cell that ran the reference.
        to: the folder that gets the copies; created if it is missing.
        probe: the name of the probe of the cell that gets them, which is written into the copies.
        arms: which arms to copy; a cell whose candidate may leave something behind runs the repetition itself.

    """
    to.mkdir(parents=True, exist_ok=True)
    for trace in (path for arm in arms for path in _traces(recorded, arm)):
        header, _, rest = read_text(trace).partition("\n")
        write_whole(to / trace.name, f"{json.dumps(_renamed(parse_json(header, ours=True), probe))}\n{rest}")


def _renamed(header: Mapping[str, Any], probe: str) -> dict[str, Any]:
    """A header for another probe's cell; it keeps who trained the reference, which may have been lent before."""
    return {**header, "probe": probe, "lent_by": header.get("lent_by") or header["probe"]}


def _traces(recorded: Path, arm: ArmName) -> list[Path]:
    """All repetitions of the reference are lent, so that no cell has to run its own."""
    return repetition_paths(recorded) if arm is ArmName.REFERENCE_AGAIN else [trace_path(recorded, arm)]


def _why_not_started(folder: Path) -> str:
    try:
        return read_end(folder / _NOT_STARTED, size=_LONGEST_END).strip()
    except UnreadableError:
        return ""


def _not_as_planned(probe: Probe, seed: int, arm: ArmName, trace: Trace) -> str:
    """How a complete trace differs from what was planned; empty if it does not."""
    header, steps = trace.header, probe.workload.steps
    told = (header.probe, header.arm, header.seed, header.steps)
    if told != (probe.name, arm, seed, steps):
        return f"the trace of a different cell: {told[0]}, {told[1]}, seed {told[2]}, {told[3]} steps"
    if trace.start is None or trace.end is None:
        return "a trace that lacks the parameters before or after training"
    if [step.step for step in trace.steps] != list(range(1, steps + 1)):
        return f"a complete trace with {len(trace.steps)} of {steps} steps"
    return ""


def _why_incomplete(trace: Trace, late: str, exit_code: int | None, log: str) -> str:
    ending = trace.ending
    if ending.unavailable:
        return ending.why
    done = len(trace.steps)
    after = f"after step {done} of {trace.header.steps}" if done else "before step 1"
    if late:
        return f"{late}, {after}; see {log}"
    if exit_code is not None and exit_code < 0 and not ending.why.startswith("KeyboardInterrupt"):
        return f"{_death(exit_code)} {after}; see {log}"
    return f"{ending.why} ({after}); see {log}"


def _out_of_time(probe: Probe, folder: Path, log: str) -> str:
    """Which limit of time ended the process with this log; empty if none did."""
    try:
        late = read_end(folder / _OUT_OF_TIME, size=_LONGEST_END).split("\n")
    except UnreadableError:
        return ""
    return f"was killed at its limit of {probe.seconds / 60:g} min" if log in late else ""


def _last_words(folder: Path) -> str:
    """The last line of the cell's log, where an exception leaves its message."""
    try:
        lines = read_end(folder / LOG, size=_LONGEST_END).split("\n")
    except UnreadableError:
        return ""
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({said[:300]})" if said else ""


def _death(exit_code: int | None) -> str:
    if not exit_code:
        return "there is no trace"
    if exit_code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"died of {names.get(-exit_code, f'signal {-exit_code}')}"
    return f"ended with exit status {exit_code}"
