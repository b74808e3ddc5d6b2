"""The rest of a declared divergence: what must be left of it once the declared stages are done as the reference does.

A divergence that is declared at step 0 would hide whatever comes after it. So its candidate is trained once more, with
the stages that `[expect] only` names done as the reference does, and must then be identical. That is a probe of its
own, which a run adds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.errors import BadProbeError
from parity.metrics import Stage
from parity.probe.values import Expectation, Probe, VerdictKind
from parity.trainers.registry import can_swap, check_providers, ownership
from parity.trainers.swap import differing, without

if TYPE_CHECKING:
    from collections.abc import Iterable


def with_rests(probes: Iterable[Probe]) -> list[Probe]:
    """The probes, each followed by its rest if it has one.

    Raises:
        BadProbeError: as `rest` does.

    """
    return [each for probe in probes for each in (probe, rest(probe)) if each is not None]


def rest(probe: Probe) -> Probe | None:
    """The probe that asks whether the arms differ in nothing but the stages that `[expect] only` names.

    None if no stages are named, or if the arms are declared alike in all other stages: then nothing is left to differ.

    Raises:
        BadProbeError: the candidate cannot have one of these stages from the reference, or is declared alike in it.

    """
    stages = probe.expect.only
    if not stages:
        return None
    owners = ownership(probe)
    for stage in stages:
        _check(probe, stage, settings=bool(differing(probe, stage, owners)))
    left = without(probe, stages, owners)
    if left.has_equal_arms:
        return None
    named = ", ".join(stages)
    found = replace(
        left,
        name=f"{probe.name}+rest",
        question=f"Do the arms of {probe.name} differ in nothing but {named}?",
        expect=Expectation(verdict=VerdictKind.IDENTICAL, because=f"{probe.name} declares that only {named} differ."),
        outcomes=None,
        rest_of=probe.name,
    )
    check_providers(found)
    return found


def _check(probe: Probe, stage: Stage, *, settings: bool) -> None:
    """Raises BadProbeError where a stage cannot be taken out of the difference, or is not in it."""
    theirs, ours = probe.reference.lender(stage), probe.candidate.lender(stage)
    if theirs == ours and not settings:
        raise BadProbeError(f"expect.only: the arms are declared alike in {str(stage)!r}; name stages that differ")
    if theirs == ours or (stage is Stage.GRADIENT and settings):
        return
    if stage is Stage.GRADIENT or not can_swap(probe.candidate.provider, theirs, stage):
        raise BadProbeError(f"expect.only: {probe.candidate.provider!r} cannot take {str(stage)!r} from {theirs!r}")
