"""The stages of training, and the metrics of each: all that is compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Stage(StrEnum):
    """The parts of training, in the order in which data flows through them."""

    LOAD = "load"
    ADAPT = "adapt"
    BATCH = "batch"
    FORWARD = "forward"
    LOSS = "loss"
    GRADIENT = "gradient"
    CLIP = "clip"
    SCHEDULE = "schedule"
    UPDATE = "update"
    SAVE = "save"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One thing that is compared."""

    stage: Stage
    per_step: bool = True
    """False: everything of a kind, by name, before step 1 or after the last step."""
    at_end: bool = False
    """Of what is not per step: whether it is looked at after the last step."""
    sized: bool = False
    """Whether it can differ by an amount. If not, it is a fingerprint: equal or not."""
    what: str = "tensors"
    """Of what is not per step: what there are many of."""
    shared: bool = False
    """Of what is not per step: whether only names are compared that both arms have; a mark of one library is none."""
    optional: bool = False
    """Whether an arm may lack it: then it is a blind spot."""
    exact: bool = False
    """Whether it must be equal even on a device that is not deterministic."""
    of_next: bool = False
    """Whether it shows only as the next step begins: the last step has none."""

    def steps(self, planned: int) -> range:
        """The steps that have a value of it, of so many."""
        return range(1, planned + (0 if self.of_next else 1))


METRICS: Mapping[str, Metric] = {
    "base": Metric(stage=Stage.LOAD, per_step=False, exact=True),
    "trainable": Metric(stage=Stage.ADAPT, per_step=False, exact=True),
    "base_at_start": Metric(stage=Stage.FORWARD, per_step=False, exact=True),
    "batch": Metric(stage=Stage.BATCH, exact=True),
    "tokens": Metric(stage=Stage.LOSS, sized=True, exact=True),
    "loss": Metric(stage=Stage.LOSS, sized=True),
    "grad_norm": Metric(stage=Stage.GRADIENT, sized=True),
    "gradient": Metric(stage=Stage.GRADIENT),
    "clipped_norm": Metric(stage=Stage.CLIP, sized=True),
    "clipped": Metric(stage=Stage.CLIP),
    "lr": Metric(stage=Stage.SCHEDULE, sized=True, exact=True),
    "counter": Metric(stage=Stage.UPDATE, sized=True, exact=True),
    "params": Metric(stage=Stage.UPDATE),
    "params_kept": Metric(stage=Stage.UPDATE, of_next=True),
    "trainable_at_end": Metric(stage=Stage.UPDATE, per_step=False, at_end=True),
    "base_at_end": Metric(stage=Stage.UPDATE, per_step=False, at_end=True),
    "modules_at_end": Metric(stage=Stage.UPDATE, per_step=False, at_end=True, what="values", shared=True, exact=True),
    "saved": Metric(stage=Stage.SAVE, per_step=False, at_end=True, optional=True),
    "saved_settings": Metric(stage=Stage.SAVE, per_step=False, at_end=True, what="settings", optional=True, exact=True),
}
"""What is compared, in the order of the flow: the order in which a first divergence is looked for."""

RANDOM = "random"
"""The states of the random generators after each step: they decide only where a probe declares them equal."""


STEP_METRICS = tuple(name for name, metric in METRICS.items() if metric.per_step)


SIZED_METRICS = tuple(name for name, metric in METRICS.items() if metric.sized)


EXACT_METRICS = tuple(name for name, metric in METRICS.items() if metric.exact)


def in_order(names: Iterable[str]) -> list[str]:
    """Names of metrics in the order of the flow; those of no stage last, by name."""
    known = list(METRICS)
    return sorted(names, key=lambda name: (known.index(name) if name in METRICS else len(known), name))
