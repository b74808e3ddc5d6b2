"""What the judge costs: `parity diff` against the fastest reader of the same two files that was found, side by side.

    python -m tests.bench.judge              # a million steps × 3 metrics; runs of 10,000 steps × 10 seeds
    python -m tests.bench.judge --curve      # and from 10⁴ to 10⁷ rows

Each is a process of its own, from its start to its exit, and they take turns. Seconds are of the processor: other work
on the machine changes them less.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from parity.trace.file import TraceWriter
from parity.trace.values import Ending
from tests.unit.made import END, HEADER, START, step

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS, SEEDS, STEPS = 7, 10, 10_000
CSV = "import sys, pandas as pd; a, b = map(pd.read_csv, sys.argv[1:]); assert a.equals(b)"
LINES = "import sys, pyarrow.json as j; a, b = map(j.read_json, sys.argv[1:]); assert a.equals(b)"
TRACES = """
import json, sys
from pathlib import Path
for a, b in zip(*(sorted(Path(folder).iterdir()) for folder in sys.argv[1:])):
    left, right = ([json.loads(line) for line in path.open()] for path in (a, b))
    assert left == right
"""
DIFF = "from parity.cli import main; import sys; sys.argv[1:1] = ['diff']; main()"


class Cost(NamedTuple):
    """Of one process."""

    seconds: float
    megabytes: float


def cost(code: str, files: Sequence[Path]) -> Cost:
    """Runs code with the names of files as its arguments.

    Raises:
        RuntimeError: it failed.

    """
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, files)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{code!r} ended with status {status}")
    process.returncode = 0
    return Cost(
        seconds=used.ru_utime + used.ru_stime, megabytes=used.ru_maxrss / (1024 if sys.platform == "linux" else 1e6)
    )


def logs(folder: Path, rows: int, suffix: str) -> list[Path]:
    """Two equal logs of three metrics."""
    draw = np.random.default_rng(1)
    names = ("loss", "grad_norm", "lr")
    columns = zip(*(draw.random(rows).tolist() for _ in names), strict=True)
    files = [folder / f"{side}{rows}{suffix}" for side in "ab"]
    with files[0].open("w") as file:
        if suffix == ".csv":
            file.write(f"step,{','.join(names)}\n")
            file.writelines(f"{at},{','.join(map(repr, row))}\n" for at, row in enumerate(columns, start=1))
        else:
            each = (dict(zip(names, row, strict=True)) for row in columns)
            file.writelines(json.dumps({"step": at, **row}) + "\n" for at, row in enumerate(each, start=1))
    files[1].write_bytes(files[0].read_bytes())
    return files


def runs(folder: Path) -> list[Path]:
    """Two equal runs: a trace a seed, as ranks of a folder, which `parity diff` compares in one call."""
    for side in "ab":
        (folder / side).mkdir()
    for seed in range(SEEDS):
        with TraceWriter(folder / "a" / f"trace-{seed}.jsonl", HEADER) as writer:
            writer.start(START)
            for number in range(1, STEPS + 1):
                writer.step(step(number, loss=1 / number))
            writer.end(END)
            writer.close(Ending(complete=True))
        (folder / "b" / f"trace-{seed}.jsonl").write_bytes((folder / "a" / f"trace-{seed}.jsonl").read_bytes())
    return [folder / "a", folder / "b"]


def row(name: str, reader: str, files: Sequence[Path], rounds: int = ROUNDS) -> tuple[str, ...]:
    """A row of the table: medians, and the ratios with their spread."""
    pairs = [(cost(reader, files), cost(DIFF, files)) for _ in range(rounds)]
    times = [ours.seconds / theirs.seconds for theirs, ours in pairs]
    sizes = [ours.megabytes / theirs.megabytes for theirs, ours in pairs]
    theirs, ours = (Cost(*map(statistics.median, zip(*column, strict=True))) for column in zip(*pairs, strict=True))
    return (
        name,
        f"{theirs.seconds:.2f} s, {theirs.megabytes:,.0f} MB",
        f"{ours.seconds:.2f} s, {ours.megabytes:,.0f} MB",
        f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})",
        f"{statistics.median(sizes):.2f}",
    )


def main() -> None:
    """Prints one row a kind of file."""
    table = Table(box=None, header_style="bold")
    for column in ("two files of", "fastest reader", "parity diff", "time", "memory"):
        table.add_column(column, justify="left" if column == "two files of" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.add_row(*row("10⁶ steps, CSV (pandas)", CSV, logs(folder, 10**6, ".csv")))
        table.add_row(*row("10⁶ steps, JSON Lines (pyarrow)", LINES, logs(folder, 10**6, ".jsonl")))
        table.add_row(*row(f"{SEEDS} traces of {STEPS:,} steps (json)", TRACES, runs(folder)))
        for rows in (10**4, 10**5, 10**7) if "--curve" in sys.argv else ():
            table.add_row(*row(f"{rows:,} steps, CSV (pandas)", CSV, logs(folder, rows, ".csv"), rounds=3))
    Console(highlight=False, width=120).print(table)


if __name__ == "__main__":
    main()
