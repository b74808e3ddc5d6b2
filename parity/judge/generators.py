"""Where the states of random generators differ between the arms.

A library may well have a generator of its own, so this alone decides nothing: a later draw that differs shows in what
is drawn. A probe that asks for more says `equal = ["random"]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.trace.values import Trace


def parted(candidate: Trace, references: Sequence[Trace]) -> dict[str, int]:
    """By library, the first step after which the candidate's state is that of no reference; empty if there is none.

    Args:
        candidate: the candidate.
        references: the reference and its repetitions. What is imported for the first one may draw from Python's
            generator, and is not imported again for those that follow.

    """
    first: dict[str, int] = {}
    for step, *others in zip(candidate.steps, *(each.steps for each in references), strict=False):
        for library in sorted({*step.random, *(name for other in others for name in other.random)}):
            if all(step.random.get(library) != other.random.get(library) for other in others):
                first.setdefault(library, step.step)
    return first
