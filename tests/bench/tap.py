"""What the tap costs: a tapped step against a bare one, side by side in one process.

    make bench

Each round trains bare and tapped in turn, so that a machine whose speed drifts drifts for both. A
ratio of 1.00 is free.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console
from rich.table import Table

from parity.lab.tap import Tap
from parity.metrics import Stage
from parity.probe.inputs import read_rows
from parity.probe.values import Workload
from parity.trace.file import TraceWriter
from parity.trace.values import Header
from parity.trainers.protocol import Job
from parity.trainers.registry import provider

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUNDS, STEPS, WARMUP = 5, 12, 3
FIXTURES = Path(__file__).parents[2] / "fixtures"
WORKLOAD = Workload(
    model=str(FIXTURES / "models" / "tiny-gemma3"), data=str(FIXTURES / "data" / "hello"), seeds=(1,), steps=STEPS
)
HEADER = Header(probe="bench", arm="reference", seed=1, steps=STEPS, declared={}, provenance={})


class Clock:
    """Notes when each step ended, behind a tap or alone."""

    ends: list[float]

    def __init__(self, tap: Tap | None) -> None:
        self._tap = tap
        self.ends = []

    def end_of_step(self, reported: Mapping[str, float | None]) -> None:
        if self._tap is not None:
            self._tap.end_of_step(reported)
        self.ends.append(time.perf_counter())


def median_step(name: str, folder: Path, *, tapped: bool) -> float:
    """Seconds of a step after the first few, which compile."""
    own, parts = provider(name), provider("mlx-lm")
    rows = tuple(read_rows(Path(WORKLOAD.data)))
    job = Job(workload=WORKLOAD, seed=1, settings={}, rows=rows, scratch=folder, stages=dict.fromkeys(Stage, own))
    loaded = parts.load(job)
    parts.adapt(loaded, job)
    with TraceWriter(Path(tempfile.mkdtemp(dir=folder)) / "trace.jsonl", HEADER) as writer:
        tap = Tap(writer, loaded={}) if tapped else None
        clock = Clock(tap)
        with tap.installed() if tap else nullcontext():
            own.train(loaded, job, cast("Tap", clock))
    return statistics.median(after - before for before, after in pairwise(clock.ends[WARMUP:]))


def main() -> None:
    """Prints one row a provider."""
    table = Table(box=None, header_style="bold")
    for column in ("provider", "bare step", "tapped step", "ratio", "of rounds"):
        table.add_column(column, justify="left" if column == "provider" else "right")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("mlx-lm", "mlx-lm-train", "unsloth-zoo"):
            times = [
                tuple(median_step(name, Path(folder), tapped=tapped) for tapped in (False, True)) for _ in range(ROUNDS)
            ]
            ratios = [tapped / bare for bare, tapped in times]
            bare, tapped = (statistics.median(column) for column in zip(*times, strict=True))
            table.add_row(
                name, f"{bare:.3f} s", f"{tapped:.3f} s", f"{statistics.median(ratios):.3f}",
                f"{min(ratios):.3f} to {max(ratios):.3f}",
            )  # fmt: skip
    Console(highlight=False, width=100).print(table)


if __name__ == "__main__":
    main()
