"""Faults in what is left when training is over: the model as it is handed on, and the adapter that is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from parity.trainers.protocol import Job, Loaded, Tap

_LAST = LOOP.workload.steps


@canary(on=LOOP, stage=Stage.UPDATE, step=_LAST)
class ScaleChangedAfterTraining(MlxLmLoop):
    """LoRA's scale is 1 in the model that is handed on."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        super().train(loaded, job, tap)
        for wired in _wired(loaded.model):
            wired.scale = 1.0


@canary(on=LOOP, stage=Stage.SAVE, step=_LAST)
class AdapterOfTheStepBefore(MlxLmLoop):
    """The adapter that is saved lacks the last update."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        self._before: dict[str, Any] = {}
        own, steps = tap.end_of_step, iter(range(1, job.workload.steps + 1))

        def end_of_step(reported: Mapping[str, float | None]) -> None:
            own(reported)
            if next(steps) == job.workload.steps - 1:
                self._before = super(AdapterOfTheStepBefore, self).saved(loaded)

        with patch.object(tap, "end_of_step", end_of_step):
            super().train(loaded, job, tap)

    def saved(self, _loaded: Loaded) -> dict[str, Any]:
        return self._before


@canary(on=LOOP, stage=Stage.SAVE, step=_LAST)
class AdapterSavedInBfloat16(MlxLmLoop):
    """The adapter is saved in bfloat16, and trained in float32."""

    def saved(self, loaded: Loaded) -> dict[str, Any]:
        import mlx.core as mx

        return {name: leaf.astype(mx.bfloat16) for name, leaf in super().saved(loaded).items()}


@canary(on=LOOP, stage=Stage.SAVE, step=_LAST)
class ScaleLostOnSaving(MlxLmLoop):
    """The saved settings lack LoRA's scale."""

    def saved_settings(self, job: Job) -> dict[str, Any]:
        said = super().saved_settings(job)
        said["lora_parameters"] = {name: value for name, value in said["lora_parameters"].items() if name != "scale"}
        return said


@canary(on=TRAINER_PLAIN, stage=Stage.SAVE, step=_LAST)
class TrainerScaleHalvedOnSaving(UnslothZoo):
    """MLXTrainer: the saved settings have half of LoRA's scale."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        def halved(own: Callable[..., Any]) -> Callable[..., Any]:
            def save(trainer: Any, *args: Any, **kwargs: Any) -> None:
                for wired in _wired(loaded.model):
                    wired.scale /= 2
                own(trainer, *args, **kwargs)
                for wired in _wired(loaded.model):
                    wired.scale *= 2

            return save

        with replaced(module("trainer").MLXTrainer, "_save_model_impl", halved):
            super().train(loaded, job, tap)


def _wired(model: Any) -> Iterator[Any]:
    return (each for _, each in model.named_modules() if "lora_a" in each)
