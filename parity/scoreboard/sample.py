"""The sample of canaries that runs with a gate: a different one every day, until each canary has had its turn."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from parity.errors import BadTraceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from parity.canaries.canary import Canary

MOST = 5
FOLDER = "canaries"
"""Below the folder of a run."""
_INDEX = "canaries.json"


def today() -> int:
    """The number of the day in UTC, which chooses the sample."""
    return datetime.now(UTC).date().toordinal()


def sample(canaries: Sequence[Canary], turn: int, *, most: int = MOST) -> tuple[Canary, ...]:
    """Some canaries of one ground, spread over the flow; the reference of one ground is recorded only once.

    Turn by turn, each canary comes once before any comes again.

    Args:
        canaries: in the order of the flow.
        turn: which sample.
        most: the largest size of a sample.

    """
    by_ground: dict[str, list[Canary]] = {}
    for each in canaries:
        by_ground.setdefault(each.on.name, []).append(each)
    found = [
        tuple(group[start::stride])
        for group in by_ground.values()
        for stride in [math.ceil(len(group) / most)]
        for start in range(stride)
    ]
    return found[turn % len(found)]


def note_sample(run: Path, chosen: Sequence[Canary]) -> Path:
    """Records which canaries a run has, before they are run; returns their folder."""
    folder = run / FOLDER
    folder.mkdir()
    (folder / _INDEX).write_text(json.dumps({"canaries": [each.name for each in chosen]}), encoding="utf-8")
    return folder


def noted_sample(run: Path) -> tuple[str, ...]:
    """The names of the canaries of a stored run; empty if it has none.

    Raises:
        BadTraceError: their index cannot be read.

    """
    plan = run / FOLDER / _INDEX
    if not plan.exists():
        return ()
    try:
        return tuple(str(name) for name in json.loads(plan.read_text(encoding="utf-8"))["canaries"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadTraceError(f"{plan}: not the index of a run's canaries") from None
