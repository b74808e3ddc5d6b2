"""A reference that was recorded once, given to other cells: a cell does not run an arm whose trace is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from parity.probe.values import ArmName
from parity.rundir import write_whole
from parity.tracefile import repetition_paths, trace_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from parity.probe.values import Probe

Run = Callable[["Sequence[Probe]", "Path"], object]
"""Runs probes into a folder, as `parity.sweep.run_probes` does, until they have ended."""

LENT = (ArmName.REFERENCE, ArmName.REFERENCE_AGAIN)


def lend_reference(recorded: Path, to: Path, probe: str, arms: tuple[ArmName, ...] = LENT) -> None:
    """Copies the reference's traces into the folder of a cell that has not run.

    Args:
        recorded: the folder of the cell that ran them.
        to: the folder of the other cell; made where it is missing.
        probe: the other cell's probe, under whose name they are copied.
        arms: which of them; a cell whose candidate may leave something behind runs the repetition itself.

    """
    to.mkdir(parents=True, exist_ok=True)
    for trace in (path for arm in arms for path in _traces(recorded, arm)):
        header, _, rest = trace.read_text(encoding="utf-8").partition("\n")
        renamed = json.dumps(json.loads(header) | {"probe": probe})
        write_whole(to / trace.name, f"{renamed}\n{rest}")


def _traces(recorded: Path, arm: ArmName) -> list[Path]:
    """Every repetition is lent, so that no cell has to buy its own."""
    return repetition_paths(recorded) if arm is ArmName.REFERENCE_AGAIN else [trace_path(recorded, arm)]
