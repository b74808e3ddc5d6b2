"""One probe at one seed, in a process of its own: reference, candidate, reference again.

The reference is trained first, before the candidate's library is imported, and again afterwards: if the
candidate has left a patched class behind, the reference no longer repeats itself.

    python -m parity.lab.cell SPEC.json FOLDER
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from parity.lab.arm import run_arm
from parity.lab.entry import answer
from parity.probe.values import ArmName, Probe, from_plain
from parity.trace.cell import repetition_path, trace_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def run_cell(probe: Probe, seed: int, folder: Path, arms: Iterable[ArmName] = ArmName) -> bool:
    """Writes one trace per arm into `folder`; stops at the first arm that fails. A golden needs only the reference.

    An arm whose trace exists already is not run: `parity.explain` runs many candidates against one reference.

    Returns:
        Whether all arms are complete. A failed arm's trace says why it ended.

    """
    paths = {name: trace_path(folder, name) for name in arms}
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


def _asked(asked: dict[str, Any], folder: Path) -> bool:
    probe, seed = from_plain(asked["probe"]), asked["seed"]
    if "repetitions" in asked:
        return repeat(probe, seed, folder, asked["repetitions"])
    return run_cell(probe, seed, folder, [ArmName(name) for name in asked.get("arms", ArmName)])


if __name__ == "__main__":
    sys.exit(answer(_asked))
