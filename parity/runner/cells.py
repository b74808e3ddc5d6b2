"""Runs the cells of probes on this machine, several at a time, each in a process of its own.

A cell that dies loses only its own result. Progress is read from the trace files, which are flushed after
each step: nothing else passes between a cell and whoever watches it.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from parity.errors import NotKeptError, UnavailableError
from parity.judge.cell import judge_cell
from parity.judge.noise import enough
from parity.probe.command import saves
from parity.probe.values import ArmName, to_plain
from parity.runner.pool import Task, run_all
from parity.runner.process import interpreter_of
from parity.runner.progress import Cell, Progress
from parity.trace.cell import (
    CONTROL_LOG,
    LOG,
    REPETITIONS_LOG,
    cell_folder,
    lend_reference,
    note_exit,
    note_not_started,
    read_cell,
    trace_path,
)
from parity.trace.control import note_control_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from parity.judge.result import CellResult
    from parity.probe.values import Probe

MOST_REPETITIONS = enough(0.95)
_AT_ONCE = 4


def run_cells(
    probes: Sequence[Probe],
    out: Path,
    *,
    jobs: int,
    watch: Callable[[Progress], None],
    say: Callable[[str], None],
    repetitions: int = MOST_REPETITIONS,
    controls: Collection[tuple[str, int]] = (),
) -> None:
    """Runs every probe at every seed, `jobs` cells at a time; `parity.store.run.read_run` reads their results.

    Args:
        probes: checked probes.
        out: the folder of the run.
        jobs: cells at a time.
        watch: called in this thread with the progress of a cell.
        say: called with a line about what takes time before a cell can start.
        repetitions: the limit for one cell, if its reference does not repeat itself.
        controls: the cells, by probe name and seed, that get a control.

    Raises:
        KeyboardInterrupt: from the user or from a cell; cells that had not ended have no result.
        NotKeptError: it cannot be recorded how a cell ended; the cells that had not ended have no result.

    """
    controlled = frozenset(controls)
    waiting: deque[Task] = deque()
    cells: dict[Path, _Running] = {}
    planned = {(probe.name, seed) for probe in probes for seed in probe.workload.seeds}
    rests: dict[tuple[str, int], tuple[Cell, Path]] = {}
    for probe in probes:
        python = _interpreter(probe, say)
        for seed in probe.workload.seeds:
            cell = Cell(probe=probe, seed=seed, folder=cell_folder(out, probe, seed))
            if isinstance(python, UnavailableError):
                watch(_not_started(cell, str(python)))
                continue
            if (probe.rest_of, seed) in planned:
                rests[probe.rest_of, seed] = (cell, python)
                continue
            cells[cell.folder] = _Running(cell)
            waiting.append(_task(cell, python))
    for task, ended in run_all(waiting, jobs=jobs, look=lambda task: watch(cells[task.folder].progress())):
        running = cells[task.folder]
        running.close()
        if isinstance(ended, OSError):
            progress = _not_started(running.cell, str(ended))
        else:
            result = _ended(running.cell, ended)
            if more := _follow_up(running.cell, result, repetitions, controlled):
                cells[task.folder] = _Running(more)
                waiting.appendleft(_task(more, task.python))
                continue
            progress = replace(running.progress(), result=result)
        watch(progress)
        if held := rests.pop((running.cell.probe.name, running.cell.seed), None):
            rest, python = held
            if _lent(running.cell, progress.result, rest):
                cells[rest.folder] = _Running(rest)
                waiting.append(_task(rest, python))
            else:
                watch(_not_started(rest, f"{rest.probe.rest_of} recorded no reference for it at seed {rest.seed}"))


def first_cells(probes: Sequence[Probe]) -> frozenset[tuple[str, int]]:
    """By probe name and seed, the first cell of every provider that trains a candidate, in every environment.

    A command that is not told where to save leaves nothing that a control could be compared with.
    """
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for probe in (each for each in probes if not each.rest_of and all(map(saves, (each.reference, each.candidate)))):
        kind = (probe.candidate.provider, repr(probe.environment))
        first.setdefault(kind, (probe.name, probe.workload.seeds[0]))
    return frozenset(first.values())


def _interpreter(probe: Probe, say: Callable[[str], None]) -> Path | UnavailableError:
    try:
        return interpreter_of(probe, say)
    except UnavailableError as error:
        return error


def _task(cell: Cell, python: Path) -> Task:
    specification: dict[str, Any] = {"probe": to_plain(cell.probe), "seed": cell.seed}
    module, log = "parity.lab.cell", LOG
    if cell.repetitions:
        specification["repetitions"], log = cell.repetitions, REPETITIONS_LOG
    if cell.control:
        module, log = "parity.lab.control", CONTROL_LOG
    return Task(
        module=module,
        specification=specification,
        folder=cell.folder,
        log=log,
        python=python,
        seconds=cell.probe.seconds,
    )


def _not_started(cell: Cell, why: str) -> Progress:
    """Records that a cell could not be started; the other cells run all the same."""
    with _kept(cell.folder):
        note_not_started(cell.folder, why)
    result = judge_cell(cell.probe, cell.seed, read_cell(cell.probe, cell.seed, cell.folder))
    return Progress(cell=cell, arm=ArmName.REFERENCE, done=0, result=result)


def _ended(cell: Cell, code: int) -> CellResult:
    with _kept(cell.folder):
        if cell.control:
            note_control_failed(cell.folder)
        elif not cell.repetitions:
            note_exit(cell.folder, code)
    return judge_cell(cell.probe, cell.seed, read_cell(cell.probe, cell.seed, cell.folder))


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotKeptError(
            f"{folder}: it cannot be recorded how this cell ended ({error.strerror}), so no more cells were run; "
            "the traces are kept"
        ) from None


def _lent(cell: Cell, result: CellResult | None, rest: Cell) -> bool:
    """Whether a cell has a verdict; then its rest gets the reference's traces, and trains its candidate alone."""
    if result is None or result.verdict is None:
        return False
    with _kept(rest.folder):
        lend_reference(cell.folder, rest.folder, rest.probe.name)
    return True


def _follow_up(cell: Cell, result: CellResult, repetitions: int, controls: frozenset[tuple[str, int]]) -> Cell | None:
    """What an ended cell has to run next, before its verdict is final: repetitions or a control; None: nothing."""
    if result.verdict is None:
        return None
    had = result.verdict.repetitions
    numbers = tuple(range(had + 1, min(result.verdict.wanted, repetitions, had + _AT_ONCE) + 1))
    if numbers and had >= max(cell.repetitions, default=0):  # if not, the last repetitions left no trace
        return replace(cell, repetitions=numbers, control=False)
    if cell.control:  # one that left nothing behind is not run again
        return None
    if (cell.probe.name, cell.seed) in controls and result.control is None:
        return replace(cell, repetitions=(), control=True)
    return None


class _Running:
    """How far a cell has come, counted in the lines of its traces."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._counters = {arm: _Lines(trace_path(cell.folder, arm)) for arm in ArmName}

    def progress(self) -> Progress:
        """Its current arm, and its steps so far."""
        counts = {arm: max(0, lines.count() - 2) for arm, lines in self._counters.items()}
        begun = [arm for arm in ArmName if counts[arm]]
        done = min(sum(counts.values()), self.cell.total)
        return Progress(cell=self.cell, arm=begun[-1] if begun else ArmName.REFERENCE, done=done, result=None)

    def close(self) -> None:
        """Closes its files."""
        for lines in self._counters.values():
            lines.close()


@dataclass
class _Lines:
    """Counts the lines of a growing file."""

    path: Path
    _file: BinaryIO | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False)

    def count(self) -> int:
        if self._file is None:
            if not self.path.exists():
                return 0
            self._file = self.path.open("rb")
        if not self._file.closed:
            self._seen += self._file.read().count(b"\n")
        return self._seen

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
