"""Blind spots of a workload: what could differ between the arms without showing.

In the original investigation all rows were equal, so order and padding could not matter, yet both were tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.judge.diff import not_compared
from parity.metrics import METRICS, Stage
from parity.probe.values import BOTH_ARMS, OptimizerName, ScheduleName, Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from parity.probe.lengths import RowFacts
    from parity.probe.values import Probe, Workload
    from parity.trace.values import Trace

_FEW_STEPS = 5
_SAME_NORM = 1e-5
"""Relative: rounding in `MLXTrainer` changes a gradient by about this much even if nothing is clipped."""


@dataclass(frozen=True, kw_only=True)
class BlindSpot:
    """One thing that could differ without being seen."""

    stage: Stage
    what: str
    because: str

    def __str__(self) -> str:
        return f"{self.what} ({self.stage}: {self.because})"


NEVER = (BlindSpot(stage=Stage.SAVE, what="evaluation", because="it is not compared"),)
"""What no probe shows."""


def before(workload: Workload, rows: RowFacts) -> tuple[BlindSpot, ...]:
    """The blind spots that are known before a run, in the order of the stages."""
    spots = (*_of_rows(rows, workload.max_seq_length), *_of_epochs(rows, workload), *_of_settings(workload))
    return tuple(BlindSpot(stage=stage, what=what, because=because) for stage, what, because in spots)


def _of_rows(rows: RowFacts, cap: int) -> Iterator[tuple[Stage, str, str]]:
    if rows.distinct == 1:
        yield Stage.BATCH, "order and padding", f"all {rows.count} rows are equal"
    elif rows.shortest is not None and rows.shortest >= cap:
        yield Stage.BATCH, "padding", f"every row reaches max_seq_length {cap}"
    elif rows.shortest is not None and rows.shortest == rows.longest:
        yield Stage.BATCH, "padding", f"every row has {rows.longest} tokens"
    if rows.longest is not None and rows.longest < cap:
        yield Stage.BATCH, "truncation", f"no row reaches max_seq_length {cap}"


def _of_epochs(rows: RowFacts, workload: Workload) -> Iterator[tuple[Stage, str, str]]:
    """A random draw too many, or a generator that is seeded again, may show only when rows are shuffled once more."""
    batches, passes = rows.count // workload.batch_size, workload.steps * workload.accumulation
    if passes <= batches:
        yield Stage.BATCH, "a second epoch", f"training ends with batch {passes} of {batches} of the first"


def _of_settings(workload: Workload) -> Iterator[tuple[Stage, str, str]]:
    schedule, optimizer, steps = workload.schedule, workload.optimizer, workload.steps
    constant = schedule.name is ScheduleName.CONSTANT and schedule.warmup == 0
    scaled = optimizer.name is not OptimizerName.SGD
    idle: tuple[tuple[bool, Stage, str, str], ...] = (
        (workload.lora.dropout == 0, Stage.FORWARD, "dropout", "it is 0"),
        (workload.lora.dropout > 0 and workload.tuning is Tuning.FULL, Stage.FORWARD, "dropout", "tuning is full"),
        (not workload.mask_prompt, Stage.LOSS, "prompt masks", "mask_prompt is off"),
        (workload.accumulation == 1, Stage.GRADIENT, "accumulation", "one pass per update"),
        (steps < _FEW_STEPS, Stage.CLIP, "a bound that binds only later", f"fewer than {_FEW_STEPS} steps"),
        (constant, Stage.SCHEDULE, "the schedule", "the learning rate is constant"),
        (optimizer.learning_rate == 0, Stage.UPDATE, "every update", "the learning rate is 0"),
        (optimizer.weight_decay == 0, Stage.UPDATE, "weight decay", "it is 0"),
        (steps == 1 and scaled, Stage.UPDATE, "the size of a gradient", f"{optimizer.name}'s first update ignores it"),
    )
    return ((stage, what, because) for is_idle, stage, what, because in idle if is_idle)


def of_probe(probe: Probe, facts: Callable[[Workload], RowFacts]) -> tuple[BlindSpot, ...]:
    """The blind spots that both arms have, as the reference's workload words them.

    Args:
        probe: its arms may have different workloads.
        facts: returns what is known of a workload's rows.

    """
    workloads = [probe.workload_of(arm) for arm in BOTH_ARMS]
    spots, others = (before(workload, facts(workload)) for workload in workloads)
    shared = {(spot.stage, spot.what) for spot in others}
    found = [spot for spot in spots if (spot.stage, spot.what) in shared]
    return (*_of_arms(probe), *found, *NEVER)


def _of_arms(probe: Probe) -> Iterator[BlindSpot]:
    if commands := [name for name in BOTH_ARMS if probe.arm(name).command]:
        because = f"the {' and the '.join(commands)} {'is a command' if len(commands) == 1 else 'are commands'}"
        yield BlindSpot(stage=Stage.LOAD, what="what an arm leaves behind in a process", because=because)
    if probe.has_equal_arms:
        what = "any difference between two trainers"
        yield BlindSpot(stage=Stage.LOAD, what=what, because="both arms are declared alike")


def during(reference: Trace, candidate: Trace) -> tuple[BlindSpot, ...]:
    """The blind spots that only a run can tell: what a tap could not see, what no arm saved, bounds that never bind."""
    return (
        *_of_taps(reference, candidate),
        *_of_bounds(reference, candidate),
        *_of_saving(reference, candidate),
    )


def _of_taps(reference: Trace, candidate: Trace) -> Iterator[BlindSpot]:
    """What one of the arms, or both, could not show; metrics that go together are one."""
    whys = not_compared(reference.unseen, candidate.unseen)
    said: set[tuple[str, str]] = set()
    for metric, why in whys.items():
        what = what_of(metric)
        if (what, why) not in said:
            said.add((what, why))
            yield BlindSpot(stage=METRICS[metric].stage, what=what, because=why)


def what_of(metric: str) -> str:
    """What a blind spot calls a metric that could not be seen."""
    return _WHAT.get(metric, metric)


_WHAT = {
    "base": "the weights as they were loaded",
    "trainable": "the trainable parameters before step 1",
    "base_at_start": "the frozen weights before step 1",
    "batch": "the batch",
    "tokens": "the number of targets",
    "loss": "the loss",
    "grad_norm": "the gradient",
    "gradient": "the gradient",
    "lr": "the learning rate",
    "counter": "the optimizer's own counter",
    "params_kept": "the parameters between two steps",
    "trainable_at_end": "the parameters after the last step",
    "base_at_end": "the frozen weights after the last step",
}


def _of_saving(reference: Trace, candidate: Trace) -> Iterator[BlindSpot]:
    """A candidate's adapter is compared with what the reference saved, or else trained."""
    if candidate.end is not None and candidate.end.saved is None:
        yield BlindSpot(stage=Stage.SAVE, what="the saved adapter", because="the candidate saved none")
    settings = [trace.end is not None and trace.end.saved_settings is not None for trace in (reference, candidate)]
    if candidate.end is not None and candidate.end.saved is not None and not all(settings):
        arm = "candidate" if settings[0] else "reference"
        yield BlindSpot(stage=Stage.SAVE, what="the saved settings", because=f"the {arm} saved none")


def _of_bounds(reference: Trace, candidate: Trace) -> tuple[BlindSpot, ...]:
    """An arm has a clipping bound, and no bound ever took effect."""
    bounds = {trace.header.arm: bound for trace in (reference, candidate) if (bound := _bound(trace)) != "none"}
    if not bounds or _binds(reference) or _binds(candidate):
        return ()
    named = " and ".join(f"the {arm}'s bound, {bound}," for arm, bound in bounds.items())
    because = f"{named} never {'bind' if len(bounds) > 1 else 'binds'} in {len(reference.steps)} steps"
    return (BlindSpot(stage=Stage.CLIP, what="clipping", because=because),)


def _bound(trace: Trace) -> str:
    return "none" if trace.start is None else str(trace.start.effective.get("clip", "none"))


def _binds(trace: Trace) -> bool:
    """A NaN counts as binding: it does not tell whether the bound took effect."""
    norms = [(step.clipped_norm, step.grad_norm) for step in trace.steps if step.grad_norm is not None]
    return any(not abs(clipped - norm) <= _SAME_NORM * norm for clipped, norm in norms)


def blind_spots(
    probes: Sequence[Probe], snapshots: Mapping[str, Path], row_facts: Callable[[Workload, Path | None], RowFacts]
) -> dict[str, tuple[BlindSpot, ...]]:
    """The blind spots of each probe's workload, by probe name; rows that several probes share are read once.

    Args:
        probes: their models must be on this machine.
        snapshots: the folder of each model, by hub id.
        row_facts: counts the rows of a workload, as `parity.probe.lengths.row_facts` does.

    """
    known: dict[tuple[str, str], RowFacts] = {}

    def facts(workload: Workload) -> RowFacts:
        key = (workload.model, workload.data)
        if key not in known:
            known[key] = row_facts(workload, snapshots.get(workload.model))
        return known[key]

    return {probe.name: of_probe(probe, facts) for probe in probes}
