"""Faults in the learning rate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, RAMPED, TRAINER
from parity.canaries.seam import replaced
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from parity.trainers.protocol import Job, LearningRate, Loaded, Tap


@canary(on=LOOP, stage=Stage.SCHEDULE, step=1)
class RateOnePercentUp(MlxLmLoop):
    """Learning rate × 1.01."""

    def schedule(self, job: Job) -> LearningRate:
        rate = super().schedule(job)
        assert isinstance(rate, float)
        return rate * 1.01


@canary(on=RAMPED, stage=Stage.SCHEDULE, step=1)
class RateOneStepAhead(MlxLmLoop):
    """The learning rate is that of the next step."""

    def schedule(self, job: Job) -> LearningRate:
        rate = super().schedule(job)
        assert callable(rate)
        return lambda step: rate(step + 1)


@canary(on=RAMPED, stage=Stage.SCHEDULE, step=2)
class WarmupOneStepLonger(MlxLmLoop):
    """Warmup takes one step too many.

    Step 1 has a rate of 0 either way.
    """

    def schedule(self, job: Job) -> LearningRate:
        longer = replace(job.workload.schedule, warmup=job.workload.schedule.warmup + 1)
        return super().schedule(replace(job, workload=replace(job.workload, schedule=longer)))


@canary(on=TRAINER, stage=Stage.SCHEDULE, step=2)
class TrainerRateOnePercentUp(UnslothZoo):
    """MLXTrainer: learning rate × 1.01 after a warmup from 0."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        def change(own: Any) -> Any:
            def build(trainer: Any, total: int) -> Any:
                rate = own(trainer, total)
                return lambda step: rate(step) * 1.01

            return build

        with replaced(module("trainer").MLXTrainer, "_build_schedule", change):
            super().train(loaded, job, tap)


@canary(on=TRAINER, stage=Stage.SCHEDULE, step=1)
class TrainerRateOneStepAhead(UnslothZoo):
    """MLXTrainer: the learning rate is that of the next step."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        def change(own: Any) -> Any:
            def build(trainer: Any, total: int) -> Any:
                rate = own(trainer, total)
                return lambda step: rate(step + 1)

            return build

        with replaced(module("trainer").MLXTrainer, "_build_schedule", change):
            super().train(loaded, job, tap)
