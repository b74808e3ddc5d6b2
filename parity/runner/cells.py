"""Runs the cells of probes on this machine, several at a time, each in a process of its own.

A cell that dies loses only its own result. Progress is read from the trace files, which are flushed after
each step: nothing else passes between a cell and whoever watches it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from parity.errors import UnavailableError
from parity.judge.cell import judge_cell
from parity.judge.noise import enough
from parity.probe.command import saves
from parity.probe.values import ArmName
from parity.runner.agenda import Agenda, kept
from parity.runner.pool import run_all
from parity.runner.process import interpreter_of
from parity.runner.progress import Cell, Progress
from parity.runner.sharing import Ready
from parity.trace.cell import (
    cell_folder,
    has_ended,
    lend_reference,
    note_exit,
    note_not_started,
    read_cell,
)
from parity.trace.control import note_control_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
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

    Of a cell that has ended before, only the repetitions and the control that are missing are run.

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
    own = _planned(probes, out, watch, say)
    agenda = Agenda(own.ready, own.ended)
    for each in own.ended:
        result = _judged(each.cell)
        if more := _follow_up(each.cell, result, repetitions, controlled):
            agenda.add(Ready(cell=more, python=each.python))
            continue
        watch(Progress(cell=each.cell, arm=ArmName.REFERENCE_AGAIN, done=each.cell.total, result=result))
        _run_rest(own.rests, each.cell, result, agenda, watch)
    for task, ended in run_all(agenda.waiting, jobs=jobs, look=lambda task: watch(agenda.look(task))):
        running = agenda.ended(task)
        if isinstance(ended, OSError):
            progress = _not_started(running.cell, str(ended))
        else:
            result = _ended(running.cell, ended)
            agenda.lend(running.cell)
            if more := _follow_up(running.cell, result, repetitions, controlled):
                agenda.add_next(Ready(cell=more, python=task.python))
                continue
            progress = replace(running.progress(), result=result)
        agenda.lend_no_more(running.cell)
        watch(progress)
        _run_rest(own.rests, running.cell, progress.result, agenda, watch)


def first_cells(probes: Sequence[Probe]) -> frozenset[tuple[str, int]]:
    """By probe name and seed, the first cell of every provider that trains a candidate, in every environment.

    A command that is not told where to save leaves nothing that a control could be compared with.
    """
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for probe in (each for each in probes if not each.rest_of and all(map(saves, (each.reference, each.candidate)))):
        kind = (probe.candidate.provider, repr(probe.environment))
        first.setdefault(kind, (probe.name, probe.workload.seeds[0]))
    return frozenset(first.values())


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """The cells for which there is a Python."""

    ready: list[Ready] = field(default_factory=list)
    """Those that can be started."""
    ended: list[Ready] = field(default_factory=list)
    """Those that an earlier call has run, and whose repetitions or control may be missing."""
    rests: dict[tuple[str, int], Ready] = field(default_factory=dict)
    """By the probe and seed whose traces they wait for."""


def _planned(
    probes: Sequence[Probe], out: Path, watch: Callable[[Progress], None], say: Callable[[str], None]
) -> _Planned:
    planned = {(probe.name, seed) for probe in probes for seed in probe.workload.seeds}
    own = _Planned()
    for probe in probes:
        python = _interpreter(probe, say)
        for seed in probe.workload.seeds:
            cell = Cell(probe=probe, seed=seed, folder=cell_folder(out, probe, seed))
            if isinstance(python, UnavailableError):
                watch(_not_started(cell, str(python)))
            elif has_ended(cell.folder):
                own.ended.append(Ready(cell=cell, python=python))
            elif (probe.rest_of, seed) in planned:
                own.rests[probe.rest_of, seed] = Ready(cell=cell, python=python)
            else:
                own.ready.append(Ready(cell=cell, python=python))
    return own


def _interpreter(probe: Probe, say: Callable[[str], None]) -> Path | UnavailableError:
    try:
        return interpreter_of(probe, say)
    except UnavailableError as error:
        return error


def _not_started(cell: Cell, why: str) -> Progress:
    """Records that a cell could not be started; the other cells run all the same."""
    with kept(cell.folder):
        note_not_started(cell.folder, why)
    return Progress(cell=cell, arm=ArmName.REFERENCE, done=0, result=_judged(cell))


def _ended(cell: Cell, code: int) -> CellResult:
    with kept(cell.folder):
        if cell.control:
            note_control_failed(cell.folder)
        elif not cell.repetitions:
            note_exit(cell.folder, code)
    return _judged(cell)


def _judged(cell: Cell) -> CellResult:
    return judge_cell(cell.probe, cell.seed, read_cell(cell.probe, cell.seed, cell.folder))


def _run_rest(
    rests: dict[tuple[str, int], Ready],
    cell: Cell,
    result: CellResult | None,
    agenda: Agenda,
    watch: Callable[[Progress], None],
) -> None:
    """Lets the rest of a cell that has ended wait for a place, if it has one."""
    if (rest := rests.pop((cell.probe.name, cell.seed), None)) is None:
        return
    if _lent(cell, result, rest.cell):
        agenda.add(rest)
    else:
        why = f"{cell.probe.name} recorded no reference for it at seed {cell.seed}"
        watch(_not_started(rest.cell, why))


def _lent(cell: Cell, result: CellResult | None, rest: Cell) -> bool:
    """Whether a cell has a verdict; then its rest gets the reference's traces, and trains its candidate alone."""
    if result is None or result.verdict is None:
        return False
    with kept(rest.folder):
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
