"""The smallest effect that is still caught, by bisection over its size: × (1 + 2⁻ᵏ), the largest k."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parity.canaries.canary import Graded

FINEST = 32
"""The finest size that is tried: a float32 ends at 2⁻²³, and what a double has below that is lost in a float32."""

Caught = Callable[[Mapping[str, int]], Mapping[str, bool]]
"""By name, the k that is tried → whether it was caught."""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The smallest size of one effect that is still caught."""

    graded: Graded
    k: int | None
    """The effect is × (1 + 2⁻ᵏ); None: not even × 1.5 was caught."""
    metric: str = ""
    """The metric that showed it."""
    failure: str = ""
    """Why it could not be measured."""


def largest_caught(names: Sequence[str], caught: Caught, *, finest: int = FINEST) -> dict[str, int | None]:
    """The largest k that is caught, for each effect; all are searched at the same time.

    Assumes that an effect that is caught at k is caught at every smaller k.

    Args:
        names: the names of the effects.
        caught: tries one k for each of the effects that it is given.
        finest: the largest k that is tried.

    """
    known = dict.fromkeys(names, (0, finest + 1))  # caught at the first (0: nothing is known), not at the second
    while open_ := {name: (low + high) // 2 for name, (low, high) in known.items() if high - low > 1}:
        for name, answer in caught(open_).items():
            low, high = known[name]
            known[name] = (open_[name], high) if answer else (low, open_[name])
    return {name: low or None for name, (low, _) in known.items()}
