"""Every running cell's step, rate and time left; plain lines where there is no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from rich.console import Console

    from parity.runner.progress import Progress as CellProgress


class Live:
    """Watches a sweep; use it as a context manager and pass it as `watch`."""

    def __init__(self, console: Console, cells: int | None = None) -> None:
        """Args: where to; how many cells there are, if that is known."""
        self._console = console
        self._cells = cells
        self._ended = 0
        self._tasks: dict[Path, TaskID] = {}
        self._bars = Progress(
            TextColumn("{task.description}", markup=True),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}/{task.total:.0f} steps"),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """Prints a line above the bars."""
        self._console.print(Text(line, style="dim"), soft_wrap=True)

    def __call__(self, progress: CellProgress) -> None:
        """Shows where one cell is now."""
        cell = progress.cell
        name = f"{cell.probe.name}, seed {cell.seed}"
        if cell.folder not in self._tasks:
            self._tasks[cell.folder] = self._bars.add_task(name, total=cell.total)
            if not self._console.is_terminal:
                self._console.print(f"{name}: started", highlight=False)
        if progress.result is None:
            self._bars.update(
                self._tasks[cell.folder],
                completed=progress.done,
                description=f"{escape(name)} · {progress.arm}",
            )
            return
        self._ended += 1
        self._bars.remove_task(self._tasks[cell.folder])
        said = f"{progress.result.kind}, {progress.result.reason}"
        count = f"{self._ended}" if self._cells is None else f"{self._ended}/{self._cells}"
        self._console.print(Text(f"[{count}] {name}: {said}"), highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        return Text("starting" if not speed else f"{speed:.1f} step/s", style="cyan")
