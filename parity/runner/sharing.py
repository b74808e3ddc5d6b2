"""Which cells of a run train the same reference: the first of them trains it, and lends it to the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.probe.values import ArmName
from parity.trace.cell import lend_reference, read_arm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from parity.probe.values import Probe
    from parity.runner.progress import Cell


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A cell that can be started, and the Python that runs it."""

    cell: Cell
    python: Path


def by_reference(cells: Sequence[Ready]) -> list[list[Ready]]:
    """The cells in groups that train the same reference: the same arm at the same seed, in the same environment.

    In a group they are as given. The largest groups come first, so that many cells can soon start.
    """
    kinds: list[tuple[Probe, Path]] = []
    found: dict[tuple[int, int], list[Ready]] = {}
    known: dict[tuple[str, Path], int] = {}
    for each in cells:
        name = (each.cell.probe.name, each.python)
        if name not in known:
            known[name] = _kind(kinds, each)
        found.setdefault((known[name], each.cell.seed), []).append(each)
    return sorted(found.values(), key=len, reverse=True)


def lend(lender: Cell, to: Sequence[Cell]) -> bool:
    """Copies the reference that a cell has recorded, even if it still runs; not the repetition.

    That one runs after a candidate, and shows what it leaves behind.

    Returns:
        Whether that cell itself has recorded it, whole; if not, nothing is copied.

    Raises:
        OSError: a copy cannot be written.

    """
    recorded = read_arm(lender.probe, lender.seed, lender.folder, ArmName.REFERENCE)
    if recorded.failure or recorded.trace is None or recorded.trace.header.lent_by:
        return False
    for each in to:
        lend_reference(lender.folder, each.folder, each.probe.name, (ArmName.REFERENCE,))
    return True


def _kind(kinds: list[tuple[Probe, Path]], ready: Ready) -> int:
    """The number of the reference that a cell trains; a new one is added."""
    asked = (ready.cell.probe.reference_alone, ready.python)
    if asked not in kinds:
        kinds.append(asked)
    return kinds.index(asked)
