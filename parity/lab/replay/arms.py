"""Replays arms up to the steps in question, and measures what differs in these steps.

In one process: first the reference, whose steps in question are kept in memory; then each candidate, which is
compared with them; then, if asked, the candidate from the reference's state before every step. No large file is left.

    python -m parity.lab.replay.arms SPEC.json FOLDER
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.jsonfloat import dumps
from parity.lab.arm import run_arm
from parity.lab.entry import answer
from parity.lab.replay.contrast import contrast
from parity.lab.replay.lock import Lock, Recorder
from parity.lab.replay.snapshots import Keeper
from parity.probe.values import ArmName, from_plain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from parity.probe.values import Probe


def replay(asked: Mapping[str, Any], folder: Path) -> bool:
    """Replays what a specification asks for.

    Args:
        asked: `probe` and `seed`; `cuts`, by name the `probe` of a candidate, the `step` in question and the `names` of
            parameters in question; `locked`, whether the probe's candidate also runs from the reference's states.
        folder: gets `reference.jsonl`, a trace and `<name>.evidence.json` for each cut, and `locked.jsonl`.

    Returns:
        Whether everything could be replayed.

    """
    probe, seed, cuts = from_plain(asked["probe"]), asked["seed"], asked["cuts"]
    steps = {cut["step"] for cut in cuts.values()}
    names = {name for cut in cuts.values() for name in cut["names"]}
    with tempfile.TemporaryDirectory(prefix="parity-states-") as scratch:
        kept = Keeper(steps, names, stop=not asked["locked"])
        recorder = Recorder(Path(scratch))
        observers = [kept, *([recorder] if asked["locked"] else [])]
        whole = run_arm(probe, ArmName.REFERENCE, seed, folder / "reference.jsonl", observers)
        for name, cut in cuts.items() if whole else ():
            whole &= _cut(name, cut, seed, kept, names, folder)
        if whole and asked["locked"]:
            _locked(probe, seed, folder / "locked.jsonl", Lock(Path(scratch), recorder.steps))
    return whole


def _cut(name: str, cut: Mapping[str, Any], seed: int, reference: Keeper, names: Collection[str], folder: Path) -> bool:
    probe, step = from_plain(cut["probe"]), cut["step"]
    kept = Keeper({step}, names, stop=step <= probe.workload.steps)
    done = run_arm(probe, ArmName.CANDIDATE, seed, folder / f"{name}.jsonl", [kept])
    if not done or step not in kept.snapshots:
        return False
    found = contrast(
        reference.snapshots[step],
        kept.snapshots[step],
        step=min(step, probe.workload.steps),
        text=lambda token: str(kept.tokenizer.decode([token])),
    )
    (folder / f"{name}.evidence.json").write_text(dumps(asdict(found)), encoding="utf-8")
    return True


def _locked(probe: Probe, seed: int, path: Path, lock: Lock) -> None:
    """Runs the candidate from the reference's states; if that is impossible, its trace says so."""
    run_arm(probe, ArmName.CANDIDATE, seed, path, [lock])


if __name__ == "__main__":
    sys.exit(answer(replay))
