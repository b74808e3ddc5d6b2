"""What the two arms of a probe do differently, stage by stage, and an arm without some of these differences.

A factor is a stage with everything that belongs to it: whose implementation it is, and the settings that it reads.
Swapping an optimizer without its bias correction would answer nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parity.metrics import Stage
from parity.probe.values import Arm, ArmName, Probe, Setting, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from parity.trainers.protocol import Ownership

_WORDS: Mapping[Stage, tuple[str, ...]] = {
    Stage.LOAD: ("model",),
    Stage.ADAPT: ("tuning", "lora.rank", "lora.scale", "lora.dropout", "lora.layers", "lora.modules"),
    Stage.BATCH: ("data", "max_seq_length", "mask_prompt"),
    Stage.FORWARD: ("gradient_checkpointing", "compile"),
    Stage.GRADIENT: ("batch_size", "accumulation"),
    Stage.SCHEDULE: ("schedule.name", "schedule.warmup", "optimizer.learning_rate"),
    Stage.UPDATE: ("optimizer.name", "optimizer.weight_decay", "optimizer.bias_correction", "optimizer.betas"),
}
"""The keys of a workload, by the stage that reads them."""


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
        lenders = (_lender(probe.reference, stage), _lender(probe.candidate, stage))
        settings = _differing(probe, stage, owners)
        swaps = lenders[0] != lenders[1]
        if swaps and (stage is Stage.GRADIENT or not can_swap(probe.candidate.provider, lenders[0], stage)):
            if stage is not Stage.GRADIENT or not settings:
                continue
            lenders = (lenders[1], lenders[1])  # no library lends it, but its settings can be the reference's
            swaps = False
        if swaps or settings:
            found.append(Factor(stage=stage, lenders=lenders, settings=settings))
    return tuple(found)


def without(probe: Probe, stages: Collection[Stage], owners: Ownership) -> Probe:
    """The probe whose candidate does these stages as the reference does."""
    return replace(probe, candidate=_taking(probe, ArmName.CANDIDATE, ArmName.REFERENCE, stages, owners))


def only(probe: Probe, stages: Collection[Stage], owners: Ownership) -> Probe:
    """The probe whose candidate is the reference, but for these stages, which are the candidate's."""
    return replace(probe, candidate=_taking(probe, ArmName.REFERENCE, ArmName.CANDIDATE, stages, owners))


def _taking(probe: Probe, own: ArmName, other: ArmName, stages: Collection[Stage], owners: Ownership) -> Arm:
    mine, theirs = probe.arm(own), probe.arm(other)
    workload = probe.workload_of(own)
    lenders, asked = dict(mine.stages), _asked(mine)
    for stage in stages:
        lender = _lender(theirs, stage)
        if stage is not Stage.GRADIENT:
            lenders.pop(stage, None)
            if lender != mine.provider:
                lenders[stage] = lender
        workload = _with_words(workload, probe.workload_of(other), stage)
        asked = {name: value for name, value in asked.items() if _owner(name, owners) is not stage}
        asked |= {name: value for name, value in _asked(theirs).items() if _owner(name, owners) is stage}
    settings = {name: value for (function, name), value in asked.items() if not function}
    keywords: dict[str, dict[str, Setting]] = {}
    for (function, name), value in asked.items():
        if function:
            keywords.setdefault(function, {})[name] = value
    return replace(mine, stages=lenders, settings=settings, keywords=keywords, workload=workload)


def _lender(arm: Arm, stage: Stage) -> str:
    return arm.stages.get(stage, arm.provider)


def _asked(arm: Arm) -> dict[tuple[str, str], Setting]:
    """What an arm sets, by function and name: settings without a function, then keywords."""
    keywords = {(function, name): value for function, each in arm.keywords.items() for name, value in each.items()}
    return {("", name): value for name, value in arm.settings.items()} | keywords


def _owner(name: tuple[str, str], owners: Ownership) -> Stage | None:
    function, setting = name
    return owners.of_keyword(function, setting) if function else owners.settings.get(setting)


def _differing(probe: Probe, stage: Stage, owners: Ownership) -> dict[str, tuple[Any, Any]]:
    left, right = probe.workload_of(ArmName.REFERENCE), probe.workload_of(ArmName.CANDIDATE)
    pairs = {word: (_word(left, word), _word(right, word)) for word in _WORDS.get(stage, ())}
    asked, also_asked = _asked(probe.reference), _asked(probe.candidate)
    pairs |= {
        ".".join(filter(None, name)): (asked.get(name), also_asked.get(name))
        for name in {**asked, **also_asked}
        if _owner(name, owners) is stage
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _word(workload: Workload, word: str) -> Any:
    value: Any = workload
    for part in word.split("."):
        value = getattr(value, part)
    return value


def _with_words(workload: Workload, other: Workload, stage: Stage) -> Workload:
    for word in _WORDS.get(stage, ()):
        table, _, leaf = word.rpartition(".")
        if table:
            inner = replace(getattr(workload, table), **{leaf: _word(other, word)})
            workload = replace(workload, **{table: inner})
        else:
            workload = replace(workload, **{leaf: _word(other, word)})
    return workload
