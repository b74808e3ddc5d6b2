"""An arm that does some stages as the other arm of its probe does.

A stage is taken with everything that belongs to it: whose implementation it is, and the settings, keywords and keys of
the workload that it reads. Taking an optimizer without its bias correction would answer nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.metrics import Stage
from parity.probe.values import Arm, ArmName, Probe, Setting, Workload

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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


def without(probe: Probe, stages: Collection[Stage], owners: Ownership) -> Probe:
    """The probe whose candidate does these stages as the reference does."""
    return replace(probe, candidate=_taking(probe, ArmName.CANDIDATE, ArmName.REFERENCE, stages, owners))


def only(probe: Probe, stages: Collection[Stage], owners: Ownership) -> Probe:
    """The probe whose candidate is the reference, but for these stages, which are the candidate's."""
    return replace(probe, candidate=_taking(probe, ArmName.REFERENCE, ArmName.CANDIDATE, stages, owners))


def differing(probe: Probe, stage: Stage, owners: Ownership) -> dict[str, tuple[Any, Any]]:
    """The settings, keywords and keys of the workload of a stage that differ: reference's value, candidate's value."""
    left, right = probe.workload_of(ArmName.REFERENCE), probe.workload_of(ArmName.CANDIDATE)
    pairs = {key: (_word(left, key), _word(right, key)) for key in _WORDS.get(stage, ())}
    asked, also_asked = _asked(probe.reference), _asked(probe.candidate)
    pairs |= {
        ".".join(filter(None, name)): (asked.get(name), also_asked.get(name))
        for name in {**asked, **also_asked}
        if _owner(name, owners) is stage
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _taking(probe: Probe, own: ArmName, other: ArmName, stages: Collection[Stage], owners: Ownership) -> Arm:
    mine, theirs = probe.arm(own), probe.arm(other)
    workload = probe.workload_of(own)
    lenders, asked = dict(mine.stages), _asked(mine)
    for stage in stages:
        if stage is not Stage.GRADIENT:
            lenders.pop(stage, None)
            if (name := theirs.lender(stage)) != mine.provider:
                lenders[stage] = name
        workload = _with_words(workload, probe.workload_of(other), stage)
        asked = {name: value for name, value in asked.items() if _owner(name, owners) is not stage}
        asked |= {name: value for name, value in _asked(theirs).items() if _owner(name, owners) is stage}
    settings = {name: value for (function, name), value in asked.items() if not function}
    keywords: dict[str, dict[str, Setting]] = {}
    for (function, name), value in asked.items():
        if function:
            keywords.setdefault(function, {})[name] = value
    return replace(mine, stages=lenders, settings=settings, keywords=keywords, workload=workload)


def _asked(arm: Arm) -> dict[tuple[str, str], Setting]:
    """What an arm sets, by function and name: settings without a function, then keywords."""
    keywords = {(function, name): value for function, each in arm.keywords.items() for name, value in each.items()}
    return {("", name): value for name, value in arm.settings.items()} | keywords


def _owner(name: tuple[str, str], owners: Ownership) -> Stage | None:
    function, setting = name
    return owners.of_keyword(function, setting) if function else owners.settings.get(setting)


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
