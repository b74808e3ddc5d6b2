"""Faults in what a trainer reports: it takes the right steps and reports something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, RAMPED, TRAINER, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.trainers.protocol import Job, Loaded, Tap


class _OtherReport(MlxLmLoop):
    """Reports something else than the loop does after every step; the tap keeps what is done and what is reported."""

    def said(self, reported: Mapping[str, float | None], job: Job) -> dict[str, float | None]:
        """What is reported instead."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        own = tap.end_of_step
        with patch.object(tap, "end_of_step", lambda reported: own(self.said(reported, job))):
            super().train(loaded, job, tap)


@canary(on=RAMPED, stage=Stage.LOSS, step=2)
class LossReportedLate(_OtherReport):
    """The loss of the step before is reported.

    At step 1 no loss is reported.
    """

    def __init__(self) -> None:
        self._before: float | None = None

    def said(self, reported: Mapping[str, float | None], _job: Job) -> dict[str, float | None]:
        now, self._before = self._before, reported["loss"]
        return {**reported, "loss": now}


@canary(on=RAMPED, stage=Stage.SCHEDULE, step=1)
class HighestRateReported(_OtherReport):
    """The highest learning rate is reported, not that of the step."""

    def said(self, reported: Mapping[str, float | None], job: Job) -> dict[str, float | None]:
        return {**reported, "lr": job.workload.optimizer.learning_rate}


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class NanReportedFinite(_OtherReport):
    """A loss of NaN is reported as zero.

    A log that cannot hold a NaN does so.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        # only the value becomes NaN: every gradient stays the same
        import mlx.core as mx

        own = super().loss(loaded, job)

        def lost(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return loss + mx.log(-mx.stop_gradient(loss)), tokens

        return lost

    def said(self, reported: Mapping[str, float | None], _job: Job) -> dict[str, float | None]:
        return {**reported, "loss": 0.0}


class _TrainerReport(UnslothZoo):
    """Changes what MLXTrainer tells its callbacks."""

    def said(self, loss: float, rate: float, norm: float | None) -> tuple[float, float, float | None]:
        """Loss, learning rate and gradient norm as they are reported instead."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        def change(own: Any) -> Any:
            def add(trainer: Any, callback: Any) -> None:
                def told(step: int, total: int, loss: float, rate: float, *rest: Any) -> None:
                    loss, rate, norm = self.said(loss, rate, rest[4])
                    callback(step, total, loss, rate, *rest[:4], norm)

                own(trainer, told)

            return add

        with replaced(module("trainer").MLXTrainer, "add_step_callback", change):
            super().train(loaded, job, tap)


@canary(on=TRAINER_PLAIN, stage=Stage.GRADIENT, step=1)
class TrainerRateReportedAsNorm(_TrainerReport):
    """MLXTrainer: the learning rate is reported as the gradient norm."""

    def said(self, loss: float, rate: float, _norm: float | None) -> tuple[float, float, float | None]:
        return loss, rate, rate


@canary(on=TRAINER_PLAIN, stage=Stage.LOSS, step=1)
class TrainerLossReportedShort(_TrainerReport):
    """MLXTrainer: the loss is reported with four decimals.

    That is how it is printed.
    """

    def said(self, loss: float, rate: float, norm: float | None) -> tuple[float, float, float | None]:
        return round(loss, 4), rate, norm


@canary(on=TRAINER, stage=Stage.GRADIENT, step=1)
class TrainerNormReportedAfterClipping(UnslothZoo):
    """MLXTrainer: the gradient norm after clipping is reported."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        # `_clip_grad_norm_fp32` returns the norm before clipping
        trainer = module("trainer")

        def change(own: Any) -> Any:
            def clipped(gradient: Any, max_norm: float) -> tuple[Any, Any]:
                bounded, _ = own(gradient, max_norm=max_norm)
                return bounded, trainer._global_grad_norm_fp32(bounded)

            return clipped

        with replaced(trainer, "_clip_grad_norm_fp32", change):
            super().train(loaded, job, tap)
