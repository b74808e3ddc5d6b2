"""A control of a cell: trains both arms again without a tap, the reference before the candidate's library is imported.

Both must end with the parameters that the cell's arms ended with. Then the tap changes nothing that it records, and
the candidate's library, which the cell's own process imports later, changes nothing of the reference.

    python -m parity.lab.control SPEC.json FOLDER
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.lab.arm import job_of, prepared
from parity.lab.command import run_bare
from parity.lab.entry import answer
from parity.lab.fingerprint import tensor
from parity.lab.model import named_parameters
from parity.lab.sketch import sketch
from parity.probe.values import BOTH_ARMS, ArmName, Probe, from_plain
from parity.trace.control import Bare, note_control

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Untapped:
    """A tap that records nothing."""

    def __init__(self) -> None:
        self.read_back: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda _: {}

    def end_of_step(self, reported: Mapping[str, float | None]) -> None:
        """Does nothing."""


def control(probe: Probe, seed: int, folder: Path) -> bool:
    """Writes what both arms ended with; the reference runs first.

    Returns:
        Whether both arms ran.

    """
    note_control(folder, {name: _bare(probe, name, seed) for name in BOTH_ARMS})
    return True


def _bare(probe: Probe, name: ArmName, seed: int) -> Bare:
    if probe.arm(name).command:
        return run_bare(probe, name, seed)
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        own, job = job_of(probe, name, seed, Path(scratch), lambda _: None)
        loaded = prepared(job, lambda _: None)
        started = sketch(named_parameters(loaded.model)[1])
        own.train(loaded, job, Untapped())
        trainable = named_parameters(loaded.model)[1]
        digests = {name: tensor(leaf).digest for name, leaf in trainable.items()}
        return Bare(parameters=digests, sketch=sketch(trainable), started=started)


if __name__ == "__main__":
    sys.exit(answer(lambda asked, folder: control(from_plain(asked["probe"]), asked["seed"], folder)))
