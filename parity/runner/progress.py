"""The progress of a run's cells, as `run_cells` reports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.probe.values import ArmName, Probe

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
