"""The progress of a run's cells, as `run_cells` reports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from parity.probe.values import ArmName, Probe
from parity.trace.cell import trace_path

if TYPE_CHECKING:
    from pathlib import Path

    from parity.judge.result import CellResult


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is to be run, and where its traces go."""

    probe: Probe
    seed: int
    folder: Path
    repetitions: tuple[int, ...] = ()
    """For an ended cell, the numbers of the reference's repetitions that are to be run; empty: the cell itself."""

    control: bool = False
    """For an ended cell, whether its control is to be run."""

    @property
    def total(self) -> int:
        """Steps over all three arms."""
        return self.probe.workload.steps * len(ArmName)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a cell has come."""

    cell: Cell
    arm: ArmName
    done: int
    """Steps over all arms."""
    result: CellResult | None = None
    """Set once, when the cell has ended."""


class Running:
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
