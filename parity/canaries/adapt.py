"""Faults in what is trained: layers, rank, scale, initial values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, TRAINER_PLAIN
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded


def wired(job: Job, **changed: Any) -> Job:
    """A job with changed LoRA settings."""
    lora = replace(job.workload.lora, **changed)
    return replace(job, workload=replace(job.workload, lora=lora))


def _adapters(loaded: Loaded, which: str, change: Callable[[Any], Any]) -> None:
    """Changes every `lora_a` or `lora_b`."""
    from mlx.utils import tree_map_with_path

    trained = loaded.model.trainable_parameters()
    loaded.model.update(tree_map_with_path(lambda name, leaf: change(leaf) if name.endswith(which) else leaf, trained))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraLayerMissing(MlxLmLoop):
    """One layer too few has LoRA."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, wired(job, layers=job.workload.lora.layers - 1))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraLayerMore(MlxLmLoop):
    """One layer too many has LoRA."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, wired(job, layers=job.workload.lora.layers + 1))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraModuleMissing(MlxLmLoop):
    """One kind of module has no LoRA."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, wired(job, modules=job.workload.lora.modules[:-1]))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraRankMore(MlxLmLoop):
    """The LoRA rank is one too high."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, wired(job, rank=job.workload.lora.rank + 1))


@canary(on=LOOP, stage=Stage.GRADIENT, step=1)
class LoraScaleUp(MlxLmLoop):
    """LoRA scale × 1.01.

    The scale is no parameter, and while lora_b is zero, only its gradient shows the fault.
    """

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, wired(job, scale=job.workload.lora.scale * 1.01))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraDrawnLater(MlxLmLoop):
    """LoRA is drawn one random number too late."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        import mlx.core as mx

        mx.random.uniform()
        super().adapt(loaded, job)


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraBNotZero(MlxLmLoop):
    """lora_b starts at 1e-8, not at 0.

    That is too small to show in the loss of step 1.
    """

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, job)
        _adapters(loaded, "lora_b", lambda leaf: leaf + 1e-8)


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class AdaptersInBfloat16(MlxLmLoop):
    """The adapters are in bfloat16.

    So are the base weights.
    """

    def adapt(self, loaded: Loaded, job: Job) -> None:
        import mlx.core as mx

        super().adapt(loaded, job)
        _adapters(loaded, "", lambda leaf: leaf.astype(mx.bfloat16))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class BaseNotFrozen(MlxLmLoop):
    """One norm of the base model is trained too."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, job)
        loaded.model.layers[-1].input_layernorm.unfreeze()


@canary(on=TRAINER_PLAIN, stage=Stage.ADAPT, step=0)
class TrainerLoraLayerMissing(UnslothZoo):
    """FastMLXModel: one layer too few has LoRA."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, wired(job, layers=job.workload.lora.layers - 1))


@canary(on=TRAINER_PLAIN, stage=Stage.ADAPT, step=0)
class TrainerLoraOfAnotherSeed(UnslothZoo):
    """FastMLXModel: LoRA is drawn from a different seed.

    `get_peft_model` seeds `mx.random` with its `random_state`.
    """

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, replace(job, seed=job.seed + 1))
