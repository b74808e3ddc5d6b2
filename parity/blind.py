"""What a workload cannot show: stages that could differ between the arms without a trace of it.

All rows of the original investigation were equal, so that order and padding could not matter, and were
tested anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.probe.values import ScheduleName, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.probe.lengths import RowFacts
    from parity.probe.values import Probe, Workload
    from parity.trace import Trace

_FEW_STEPS = 5
_SAME_NORM = 1e-5
"""Relative: `MLXTrainer` re-rounds a gradient by about this much without clipping it."""


@dataclass(frozen=True, kw_only=True)
class BlindSpot:
    """One thing that could differ unseen."""

    stage: Stage
    what: str
    because: str

    def __str__(self) -> str:
        return f"{self.what} ({self.stage}: {self.because})"


def before(workload: Workload, rows: RowFacts) -> tuple[BlindSpot, ...]:
    """What is known before a run, in the order of the flow."""
    spots = (*_of_rows(rows, workload.max_seq_length), *_of_settings(workload))
    return tuple(BlindSpot(stage=stage, what=what, because=because) for stage, what, because in spots)


def _of_rows(rows: RowFacts, cap: int) -> Iterator[tuple[Stage, str, str]]:
    if rows.distinct == 1:
        yield Stage.BATCH, "order and padding", f"all {rows.count} rows are equal"
    elif rows.shortest is not None and rows.longest is not None:
        if rows.shortest >= cap:
            yield Stage.BATCH, "padding", f"every row is cut at max_seq_length {cap}"
        elif rows.shortest == rows.longest:
            yield Stage.BATCH, "padding", f"every row has {rows.longest} tokens"
        if rows.longest < cap:
            yield Stage.BATCH, "truncation", f"no row reaches max_seq_length {cap}"


def _of_settings(workload: Workload) -> Iterator[tuple[Stage, str, str]]:
    schedule, optimizer, steps = workload.schedule, workload.optimizer, workload.steps
    constant = schedule.name is ScheduleName.CONSTANT and schedule.warmup == 0
    idle: tuple[tuple[bool, Stage, str, str], ...] = (
        (workload.lora.dropout == 0, Stage.FORWARD, "dropout", "it is 0"),
        (not workload.mask_prompt, Stage.LOSS, "prompt masks", "mask_prompt is off"),
        (workload.accumulation == 1, Stage.GRADIENT, "accumulation", "one pass an update"),
        (steps < _FEW_STEPS, Stage.CLIP, "what takes some steps to bind", f"only {steps} steps"),
        (constant, Stage.SCHEDULE, "the schedule", "the learning rate is constant"),
        (optimizer.learning_rate == 0, Stage.UPDATE, "every update", "the learning rate is 0"),
        (optimizer.weight_decay == 0, Stage.UPDATE, "weight decay", "it is 0"),
        (steps == 1, Stage.UPDATE, "the size of a gradient", "Adam's first step depends on its signs only"),
    )
    return ((stage, what, because) for is_idle, stage, what, because in idle if is_idle)


def of_probe(probe: Probe, rows: RowFacts) -> tuple[BlindSpot, ...]:
    """What its workload cannot show, without what one of its arms does on purpose."""
    spots = [before(arm.workload or probe.workload, rows) for arm in (probe.reference, probe.candidate)]
    return tuple(spot for spot in spots[0] if spot in spots[1])


def during(traces: Iterable[Trace]) -> tuple[BlindSpot, ...]:
    """What only a run can tell: a bound that was there and never bound."""
    for trace in traces:
        clip = "none" if trace.start is None else trace.start.effective.get("clip", "none")
        binds = any(abs(step.clipped_norm - step.grad_norm) > _SAME_NORM * step.grad_norm for step in trace.steps)
        if clip != "none" and not binds:
            because = f"the {trace.header.arm}'s bound, {clip}, never binds in {len(trace.steps)} steps"
            return (BlindSpot(stage=Stage.CLIP, what="clipping", because=because),)
    return ()
