"""A control of a cell: both arms once more without a tap, the reference in a process that has never seen the candidate.

What they end with must be what the cell's arms have ended with: then the tap changes nothing that it records, and
the candidate's library, imported later in the cell's own process, nothing of the reference.

    python -m parity.control SPEC.json FOLDER
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.cell import answer, job_of, prepared
from parity.live import parameters
from parity.probe.values import ArmName, Probe, from_plain
from parity.tracefile import CONTROL

if TYPE_CHECKING:
    from collections.abc import Mapping


class Untapped:
    """Stands where a trainer is given its tap, and sees nothing."""

    read_back: Any = None

    def end_of_step(self, _reported: Mapping[str, float | None]) -> None:
        """Nothing."""


def control(probe: Probe, seed: int, folder: Path) -> bool:
    """Writes the digests of the trained parameters of both arms, by name; the reference runs first.

    Returns:
        Whether both have run.

    """
    digests = {name: _bare(probe, name, seed) for name in (ArmName.REFERENCE, ArmName.CANDIDATE)}
    (folder / CONTROL).write_text(json.dumps(digests), encoding="utf-8")
    return True


def _bare(probe: Probe, name: ArmName, seed: int) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        own, job = job_of(probe, name, seed, Path(scratch), lambda _: None)
        loaded = prepared(job, lambda _: None)
        tap: Any = Untapped()
        own.train(loaded, job, tap)
        return {name: tensor.digest for name, tensor in parameters(loaded.model)["trainable"].items()}


if __name__ == "__main__":
    sys.exit(answer(lambda asked, folder: control(from_plain(asked["probe"]), asked["seed"], folder)))
