"""Which cells run, which wait for a place, and which wait for a reference that another one trains."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from itertools import filterfalse
from typing import TYPE_CHECKING, Any

from parity.errors import NotKeptError
from parity.probe.values import ArmName, to_plain
from parity.runner.pool import Task
from parity.runner.progress import Running
from parity.runner.sharing import by_reference, lend
from parity.trace.cell import CONTROL_LOG, LOG, REPETITIONS_LOG, trace_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from parity.runner.progress import Cell, Progress
    from parity.runner.sharing import Ready


class Agenda:
    """The cells that run, those that wait for a place, and those that wait for a reference that another one trains."""

    def __init__(self, ready: Sequence[Ready], ended: Sequence[Ready]) -> None:
        """Args: the cells to run, where one that has its reference already waits for nobody; those that have ended."""
        self.waiting: deque[Task] = deque()
        self._running: dict[Path, Running] = {}
        self._borrowers: dict[Path, list[Ready]] = {}
        for each in filter(_has_reference, ready):
            self.add(each)
        over = {each.cell.folder for each in ended}
        for group in by_reference([*ended, *filterfalse(_has_reference, ready)]):
            waiting = [each for each in group if each.cell.folder not in over]
            self._add_group(waiting, [each for each in group if each.cell.folder in over])

    def add(self, ready: Ready) -> None:
        """Lets a cell wait for a place, after all others."""
        self.waiting.append(self._task(ready))

    def add_next(self, ready: Ready) -> None:
        """Lets a cell have the next place."""
        self.waiting.appendleft(self._task(ready))

    def look(self, task: Task) -> Progress:
        """How far a task is. What it has recorded for others is lent to them as soon as it is whole."""
        running = self._running[task.folder]
        if task.folder in self._borrowers and trace_path(task.folder, ArmName.CANDIDATE).exists():
            self.lend(running.cell)
        return running.progress()

    def ended(self, task: Task) -> Running:
        """The cell of a task that has ended."""
        running = self._running[task.folder]
        running.close()
        return running

    def lend(self, cell: Cell) -> None:
        """Lends the reference of a cell to those that wait for it, if it was recorded; they can start then."""
        if others := self._borrowers.get(cell.folder):
            with kept(cell.folder):
                if not lend(cell, [each.cell for each in others]):
                    return
            del self._borrowers[cell.folder]
            for each in others:
                self.add(each)

    def lend_no_more(self, cell: Cell) -> None:
        """Lets the next cell train the reference, where this one has ended without it."""
        self._add_group(self._borrowers.pop(cell.folder, []))

    def _add_group(self, group: list[Ready], ended: Sequence[Ready] = ()) -> None:
        """Lets cells of one reference wait for a cell that has ended, or else for the first of them."""
        for lender in (each.cell for each in ended if group):
            self._borrowers[lender.folder] = group
            self.lend(lender)
            if lender.folder not in self._borrowers:
                return
        for first in group[:1]:
            self.add(first)
            self._borrowers[first.cell.folder] = group[1:]

    def _task(self, ready: Ready) -> Task:
        self._running[ready.cell.folder] = Running(ready.cell)
        return _task(ready.cell, ready.python)


@contextmanager
def kept(folder: Path) -> Iterator[None]:
    """Raises NotKeptError where what is written into the folder of a cell cannot be."""
    try:
        yield
    except OSError as error:
        raise NotKeptError(
            f"{folder}: it cannot be recorded how this cell ended ({error.strerror}), so no more cells were run; "
            "the traces are kept"
        ) from None


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


def _has_reference(ready: Ready) -> bool:
    return trace_path(ready.cell.folder, ArmName.REFERENCE).exists()
