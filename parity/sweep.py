"""Many cells side by side on this machine, each in a process of its own.

A cell that dies costs its own row only. Progress is read off the trace files, which are flushed a
step at a time: nothing else passes between a cell and whoever watches it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

from parity.assess import LOG, assess, note_exit, probe_result
from parity.controlled import CONTROL_LOG, note_failure
from parity.errors import UnavailableError
from parity.gate import RunResult
from parity.noise import enough
from parity.probe.values import ArmName, to_plain
from parity.process import LabProcess, interpreter_of, lab
from parity.progress import Cell, Progress
from parity.result import CellResult
from parity.rundir import cell_folder
from parity.tracefile import trace_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from parity.blind import BlindSpot
    from parity.probe.values import Probe

MOST_REPETITIONS = enough(0.95)
_AT_ONCE = 4
_LOG_AGAIN = "trainer-again.log"
_POLL = 0.1


def run_probes(
    probes: Sequence[Probe],
    out: Path,
    *,
    jobs: int,
    watch: Callable[[Progress], None],
    say: Callable[[str], None],
    blind: Mapping[str, tuple[BlindSpot, ...]] = MappingProxyType({}),
    not_run: Mapping[str, str] = MappingProxyType({}),
    repetitions: int = MOST_REPETITIONS,
    controls: Collection[tuple[str, int]] = (),
) -> RunResult:
    """Runs every probe at every seed, `jobs` cells at a time.

    Args:
        probes: checked probes.
        out: the folder of the run.
        blind: by probe name, what its workload cannot show.
        jobs: cells side by side.
        watch: called in this thread whenever a cell has gone on.
        say: called with a line about what takes time before a cell can start.
        not_run: by probe name, why no cell of it is to be started.
        repetitions: of a reference that does not repeat itself, at most so many for one cell.
        controls: the cells, by probe name and seed, that are run once more without taps.

    Returns:
        Finished cells only, where the user interrupted.

    """
    runnable = [probe for probe in probes if probe.name not in not_run]
    cells = [
        Cell(probe=probe, seed=seed, folder=cell_folder(out, probe, seed))
        for probe in runnable
        for seed in probe.workload.seeds
    ]
    sample = frozenset(cell.folder for cell in cells if (cell.probe.name, cell.seed) in controls)
    results: dict[tuple[str, int], CellResult] = {}
    interrupted = False
    try:
        for cell, result in _run(cells, _interpreters(runnable, say), jobs, watch, _FollowUp(repetitions, sample)):
            results[cell.probe.name, cell.seed] = result
    except KeyboardInterrupt:
        interrupted = True
    found = []
    for probe in probes:
        keys = [(probe.name, seed) for seed in probe.workload.seeds]
        ended = tuple(results[key] for key in keys if key in results)
        found.append(probe_result(probe, ended, blind.get(probe.name, ()), not_run.get(probe.name, "")))
    return RunResult(probes=tuple(found), interrupted=interrupted)


def first_cells(probes: Sequence[Probe]) -> frozenset[tuple[str, int]]:
    """By probe name and seed, the first cell of every library that trains a candidate, in every environment."""
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for probe in probes:
        kind = (probe.candidate.provider, repr(probe.environment))
        first.setdefault(kind, (probe.name, probe.workload.seeds[0]))
    return frozenset(first.values())


def _run(
    cells: Sequence[Cell],
    pythons: Mapping[str, Path | UnavailableError],
    jobs: int,
    watch: Callable[[Progress], None],
    follow_up: _FollowUp,
) -> Iterator[tuple[Cell, CellResult]]:
    waiting, running = list(cells), list[_Running]()
    with lab() as folder:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    cell = waiting.pop(0)
                    started = _start(cell, pythons[cell.probe.name], folder)
                    if isinstance(started, _Running):
                        running.append(started)
                    else:
                        watch(Progress(cell=cell, arm=ArmName.REFERENCE, done=0, result=started))
                        yield cell, started
                for each in list(running):
                    progress = each.look()
                    more = None if progress.result is None else follow_up(each.cell, progress.result)
                    watch(replace(progress, result=None) if more else progress)
                    if progress.result is not None:
                        running.remove(each)
                        if more is not None:
                            waiting.insert(0, more)
                        else:
                            yield each.cell, progress.result
                time.sleep(_POLL)
        finally:
            for each in running:
                each.process.ask_to_stop()
            for each in running:
                each.stop()


@dataclass(frozen=True)
class _FollowUp:
    """What an ended cell needs beside its own process before its verdict stands."""

    repetitions: int
    controls: frozenset[Path]

    def __call__(self, cell: Cell, result: CellResult) -> Cell | None:
        if result.verdict is None:
            return None
        had = result.verdict.repetitions
        numbers = tuple(range(had + 1, min(result.verdict.wanted, self.repetitions, had + _AT_ONCE) + 1))
        if numbers and had >= max(cell.repetitions, default=0):  # otherwise the last ones left no trace
            return replace(cell, repetitions=numbers)
        if cell.folder in self.controls and not result.controlled:
            return replace(cell, repetitions=(), control=True)
        return None


def _start(cell: Cell, python: Path | UnavailableError, lab: Path) -> _Running | CellResult:
    """A process, or the result of a cell that could not be started: it costs its own row only."""
    try:
        if isinstance(python, UnavailableError):
            raise python
        return _Running(cell, python, lab)
    except (UnavailableError, OSError) as error:
        return CellResult(seed=cell.seed, steps=0, verdict=None, failure=str(error))


class _Running:
    """One process."""

    def __init__(self, cell: Cell, python: Path, lab: Path) -> None:
        self.cell = cell
        self._counters = {arm: _Lines(trace_path(cell.folder, arm)) for arm in ArmName}
        specification: dict[str, Any] = {"probe": to_plain(cell.probe), "seed": cell.seed}
        module, log = "parity.cell", LOG
        if cell.repetitions:
            specification["repetitions"], log = cell.repetitions, _LOG_AGAIN
        if cell.control:
            module, log = "parity.control", CONTROL_LOG
        self.process = LabProcess(module, specification, cell.folder, log=log, python=python, lab=lab)

    def look(self) -> Progress:
        """How far it is; judges it when it has ended."""
        code = self.process.ended()
        counts = {arm: max(0, lines.count() - 2) for arm, lines in self._counters.items()}
        begun = [arm for arm in ArmName if counts[arm]]
        result = None
        if code is not None:
            self._close()
            if self.cell.control:
                note_failure(self.cell.folder)
            elif not self.cell.repetitions:
                note_exit(self.cell.folder, code)
            result = assess(self.cell.probe, self.cell.seed, self.cell.folder)
        done = min(sum(counts.values()), self.cell.total)
        return Progress(cell=self.cell, arm=begun[-1] if begun else ArmName.REFERENCE, done=done, result=result)

    def stop(self) -> None:
        """Makes it go."""
        self.process.stop()
        self._close()

    def _close(self) -> None:
        for lines in self._counters.values():
            lines.close()


@dataclass
class _Lines:
    """Counts the lines of a file that grows."""

    path: Path
    _file: BinaryIO | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False)

    def count(self) -> int:
        if self._file is None:
            if not self.path.exists():
                return 0
            self._file = self.path.open("rb")
        self._seen += self._file.read().count(b"\n")
        return self._seen

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()


def _interpreters(probes: Sequence[Probe], say: Callable[[str], None]) -> dict[str, Path | UnavailableError]:
    """The Python of each probe by its name, or why there is none; built once, before any cell starts."""
    found: dict[str, Path | UnavailableError] = {}
    for probe in probes:
        try:
            found[probe.name] = interpreter_of(probe, say)
        except UnavailableError as error:
            found[probe.name] = error
    return found
