"""Cells whose arms are the same, at many seeds: any difference in them is a false alarm."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.canaries.ground import LOOP, TRAINER_PLAIN
from parity.judge.cell import judge_cell
from parity.scoreboard.runs import against
from parity.scoreboard.score import Identical
from parity.trace.cell import cell_folder, read_cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parity.judge.result import CellResult
    from parity.probe.values import Probe
    from parity.trace.cell import Run

STEPS = 2

_SAME = ((LOOP, "mlx-lm"), (LOOP, "mlx-lm-train"), (TRAINER_PLAIN, "unsloth-zoo"))
"""Arms that take the same steps: each provider against itself, and mlx-lm's own train() against its pieces."""


def run_identical(count: int, folder: Path, run: Run) -> Identical:
    """Runs `count` cells, each at a seed of its own."""
    probes = [probe for number in range(len(_SAME)) if (probe := _probe(number, count)).workload.seeds]
    if probes:
        run(probes, folder)
    found = {
        f"{probe.name}, seed {seed}": judge_cell(probe, seed, read_cell(probe, seed, cell_folder(folder, probe, seed)))
        for probe in probes
        for seed in probe.workload.seeds
    }
    return identical(found)


def _probe(number: int, count: int) -> Probe:
    ground, candidate = _SAME[number]
    seeds = tuple(range(1 + number, 1 + count, len(_SAME)))
    few = replace(ground, workload=replace(ground.workload, seeds=seeds, steps=STEPS))
    return against(few, candidate, name=f"identical/{ground.provider}-{candidate}")


def identical(cells: Mapping[str, CellResult]) -> Identical:
    """Counts the false alarms in cells, by name, whose arms are the same."""
    return Identical(
        cells=sum(cell.verdict is not None for cell in cells.values()),
        alarms=tuple(
            f"{name}: {cell.kind}, {cell.reason}"
            for name, cell in cells.items()
            if cell.verdict is not None and not cell.kind.passes
        ),
        not_run=tuple(f"{name}: {cell.failure}" for name, cell in cells.items() if cell.verdict is None),
    )
