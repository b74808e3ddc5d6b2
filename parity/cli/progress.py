"""How far a run is: one bar for all cells, one line a running cell; plain lines where there is no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live as Screen
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from parity.report.escape import visible

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from rich.console import Console

    from parity.judge.result import CellResult
    from parity.runner.progress import Cell
    from parity.runner.progress import Progress as CellProgress


class Live:
    """Watches cells; use it as a context manager and pass it as `watch`."""

    def __init__(self, console: Console, cells: int | None = None, *, expects: bool = False) -> None:
        """Makes a display.

        Args:
            console: where to.
            cells: how many there are; None: more may follow, as in a search.
            expects: print the cells that do not meet their probe's expectation, and not only those that failed.

        """
        self._console = console
        self._cells = cells
        self._expects = expects
        self._ended = 0
        self._done: dict[Path, float] = {}
        self._tasks: dict[Path, TaskID] = {}
        self._all = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=30), TimeRemainingColumn(compact=True)
        )
        self._running = Progress(TextColumn("{task.description}", markup=True))
        self._whole = self._all.add_task(self._counted(), total=cells)
        self._screen = Screen(
            Group(self._all, self._running), console=console, transient=True, auto_refresh=console.is_terminal
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.stop()

    def say(self, line: str) -> None:
        """Prints a line above the bars."""
        self._console.print(Text(line, style="dim"), soft_wrap=True)

    def __call__(self, progress: CellProgress) -> None:
        """Shows where one cell is now."""
        cell, result = progress.cell, progress.result
        if cell.folder not in self._tasks:
            self._tasks[cell.folder] = self._running.add_task(escape(_name(cell)), total=cell.total)
        if result is None:
            self._done[cell.folder] = progress.done / cell.total
            self._running.update(
                self._tasks[cell.folder],
                description=f"  {escape(_name(cell))} · {_what(progress)}",
            )
        else:
            self._ended += 1
            self._done.pop(cell.folder, None)
            self._running.remove_task(self._tasks.pop(cell.folder))
            self._tell(cell, result)
        total = self._cells or self._ended + len(self._tasks)
        completed = self._ended + sum(self._done.values())
        self._all.update(self._whole, completed=completed, total=total, description=self._counted())

    def _counted(self) -> str:
        """`12 of 34 cells`."""
        return f"{self._ended} of {self._cells} cells" if self._cells else f"{self._ended} cells"

    def _tell(self, cell: Cell, result: CellResult) -> None:
        """Above the bars only what failed; where there is no terminal, a line a cell."""
        failed = result.verdict is None or (self._expects and not result.meets(cell.probe.expect))
        if failed or not self._console.is_terminal:
            said = f"{result.kind}, {result.reason}"
            mark = "✗ " if failed else ""
            count = f"[{self._ended}/{self._cells}] " if self._cells else ""
            self._console.print(Text(f"{count}{mark}{_name(cell)}: {said}"), highlight=False, soft_wrap=True)


def _name(cell: Cell) -> str:
    return f"{visible(cell.probe.name)}, seed {cell.seed}"


def _what(progress: CellProgress) -> str:
    """The arm and its step; what is run in addition has no steps to count."""
    cell = progress.cell
    if cell.control:
        return "control, without the tap"
    if cell.repetitions:
        return f"{len(cell.repetitions)} more repetitions of the reference"
    if not progress.done:
        return "starting"
    steps = cell.probe.workload.steps
    return f"{progress.arm}, step {(progress.done - 1) % steps + 1} of {steps}"
