"""`make chaos`: forty kills, and a table of what was killed and what was said."""

from __future__ import annotations

import random
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from tests.chaos.kills import KINDS, strike


def main(kills: int, seed: int) -> int:
    """Prints a row for each kill; 1 if something was green, or a process was left."""
    dice, bad, hits = random.Random(seed), 0, 0
    _say("| killed | in time | status | said | traces | whole lines | processes left |")
    _say("| --- | --- | --- | --- | --- | --- | --- |")
    for what in islice(cycle(KINDS), kills):
        with tempfile.TemporaryDirectory(prefix="parity-chaos-") as folder:
            found = strike(what, Path(folder), dice)
        hits += found.hit
        bad += found.green or bool(found.left)
        row = (
            what,
            "yes" if found.hit else "no",
            found.status,
            found.said[:100],
            found.traces,
            found.lines,
            found.left,
        )
        _say(f"| {' | '.join(map(str, row))} |")
    _say(f"\n{kills} kills, {hits} in time, seed {seed}: {bad} of them left a process or something green")
    return int(bad > 0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
