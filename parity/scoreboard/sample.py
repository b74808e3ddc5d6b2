"""The sample of canaries that runs with a gate: a different one every day, until each canary has had its turn."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.canaries.canary import Canary

MOST = 5
FOLDER = "canaries"
"""Below the folder of a run."""


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
