"""What the two arms of a probe do differently, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.metrics import Stage
from parity.trainers.swap import differing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.probe.values import Probe
    from parity.trainers.protocol import Ownership


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One stage at which the arms differ."""

    stage: Stage
    lenders: tuple[str, str]
    """Whose implementation: the reference's arm, the candidate's."""
    settings: Mapping[str, tuple[Any, Any]]
    """Settings, keywords and keys of the workload that differ, with both values; None where an arm does not set it."""


def factors(probe: Probe, can_swap: Callable[[str, str, Stage], bool], owners: Ownership) -> tuple[Factor, ...]:
    """The stages at which the arms differ and that the candidate can have as the reference has them, in flow order.

    Args:
        probe: two arms.
        can_swap: whether an arm of the first provider can take a stage from the second.
        owners: which stage each setting and keyword belongs to.

    """
    found = []
    for stage in Stage:
        lenders = (probe.reference.lender(stage), probe.candidate.lender(stage))
        settings = differing(probe, stage, owners)
        swaps = lenders[0] != lenders[1]
        if swaps and (stage is Stage.GRADIENT or not can_swap(probe.candidate.provider, lenders[0], stage)):
            if stage is not Stage.GRADIENT or not settings:
                continue
            lenders = (lenders[1], lenders[1])  # no library lends it, but its settings can be the reference's
            swaps = False
        if swaps or settings:
            found.append(Factor(stage=stage, lenders=lenders, settings=settings))
    return tuple(found)
