"""One probe at one seed, in a process of its own: reference, candidate, reference again.

The reference is trained first, before the candidate's library is imported, and again afterwards: if the
candidate has left a patched class behind, the reference no longer repeats itself.

    python -m parity.lab.cell SPEC.json FOLDER
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.lab.arm import run_arm
from parity.lab.entry import answer
from parity.lab.replay.observer import Enough, Observer
from parity.probe.values import ArmName, Probe, from_plain
from parity.trace.cell import repetition_path, trace_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def run_cell(probe: Probe, seed: int, folder: Path, arms: Iterable[ArmName] = ArmName) -> bool:
    """Writes one trace per arm into `folder`; stops at the first arm that fails. A golden needs only the reference.

    An arm whose trace exists already is not run: one recorded reference is lent to many cells. If this process repeats
    it all the same, it takes the reference's first step before anything of the candidate is imported: what importing
    runs and draws is then no difference of the candidate, as in a cell that trains its reference itself.

    Returns:
        Whether all arms are complete. A failed arm's trace says why it ended.

    """
    paths = {name: trace_path(folder, name) for name in arms}
    if _is_lent(paths) and not probe.reference.command and not _begin(probe, seed):
        return False
    return all(path.exists() or run_arm(probe, name, seed, path) for name, path in paths.items())


def repeat(probe: Probe, seed: int, folder: Path, numbers: Sequence[int]) -> bool:
    """Runs repetitions of the reference, for the noise floor: one trace for each, in a process without a candidate.

    Args:
        probe: the probe of a cell that has ended.
        seed: the seed of the cell.
        folder: the folder of the cell.
        numbers: the numbers of the repetitions, from 2.

    """
    paths = [repetition_path(folder, number) for number in numbers]
    return all(run_arm(probe, ArmName.REFERENCE_AGAIN, seed, path) for path in paths)


def _is_lent(paths: Mapping[ArmName, Path]) -> bool:
    """Whether a cell that repeats the reference has it from another cell."""
    lent, again = (paths.get(name) for name in (ArmName.REFERENCE, ArmName.REFERENCE_AGAIN))
    return lent is not None and lent.exists() and again is not None and not again.exists()


def _begin(probe: Probe, seed: int) -> bool:
    """Takes the first step of the reference, of which nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        return run_arm(probe, ArmName.REFERENCE, seed, trace_path(Path(scratch), ArmName.REFERENCE), [_FirstStep()])


class _FirstStep(Observer):
    """Has enough once an arm has taken one step."""

    def after_step(self, *_: object) -> None:
        raise Enough


def _asked(asked: dict[str, Any], folder: Path) -> bool:
    probe, seed = from_plain(asked["probe"]), asked["seed"]
    if "repetitions" in asked:
        return repeat(probe, seed, folder, asked["repetitions"])
    return run_cell(probe, seed, folder, [ArmName(name) for name in asked.get("arms", ArmName)])


if __name__ == "__main__":
    sys.exit(answer(_asked))
