"""Faults of what is trained: layers, rank, scale, initial values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, TRAINER_PLAIN
from parity.probe.values import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded


def wired(job: Job, **changed: Any) -> Job:
    """A job that wires LoRA otherwise."""
    lora = replace(job.workload.lora, **changed)
    return replace(job, workload=replace(job.workload, lora=lora))


def _adapters(loaded: Loaded, which: str, change: Callable[[Any], Any]) -> None:
    """Changes every `lora_a` or `lora_b`."""
    from mlx.utils import tree_map_with_path

    trained = loaded.model.trainable_parameters()
    loaded.model.update(tree_map_with_path(lambda name, leaf: change(leaf) if name.endswith(which) else leaf, trained))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraLayerMissing(MlxLmLoop):
    """One LoRA layer missing."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Of the last few."""
        super().adapt(loaded, wired(job, layers=job.workload.lora.layers - 1))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraLayerMore(MlxLmLoop):
    """One LoRA layer more."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Of the last few."""
        super().adapt(loaded, wired(job, layers=job.workload.lora.layers + 1))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraModuleMissing(MlxLmLoop):
    """One kind of module without LoRA."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """The last of them."""
        super().adapt(loaded, wired(job, modules=job.workload.lora.modules[:-1]))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraRankMore(MlxLmLoop):
    """LoRA of one rank more."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """9 for 8."""
        super().adapt(loaded, wired(job, rank=job.workload.lora.rank + 1))


@canary(on=LOOP, stage=Stage.GRADIENT, step=1)
class LoraScaleUp(MlxLmLoop):
    """LoRA scale × 1.01.

    While lora_b is zero only its gradient shows it.
    """

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """A scale is no parameter: it is compared by what it does."""
        super().adapt(loaded, wired(job, scale=job.workload.lora.scale * 1.01))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraDrawnLater(MlxLmLoop):
    """LoRA drawn from another position of the random numbers."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """One number is drawn before it."""
        import mlx.core as mx

        mx.random.uniform()
        super().adapt(loaded, job)


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class LoraBNotZero(MlxLmLoop):
    """lora_b of 1e-8 where it starts at 0."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Too small for the loss of step 1."""
        super().adapt(loaded, job)
        _adapters(loaded, "lora_b", lambda leaf: leaf + 1e-8)


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class AdaptersInBfloat16(MlxLmLoop):
    """Adapters in bfloat16."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """As the base weights are."""
        import mlx.core as mx

        super().adapt(loaded, job)
        _adapters(loaded, "", lambda leaf: leaf.astype(mx.bfloat16))


@canary(on=LOOP, stage=Stage.ADAPT, step=0)
class BaseNotFrozen(MlxLmLoop):
    """One norm of the base is trained."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Beside the adapters."""
        super().adapt(loaded, job)
        loaded.model.layers[-1].input_layernorm.unfreeze()


@canary(on=TRAINER_PLAIN, stage=Stage.ADAPT, step=0)
class TrainerLoraLayerMissing(UnslothZoo):
    """FastMLXModel: one LoRA layer missing."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Of the last few."""
        super().adapt(loaded, wired(job, layers=job.workload.lora.layers - 1))


@canary(on=TRAINER_PLAIN, stage=Stage.ADAPT, step=0)
class TrainerLoraOfAnotherSeed(UnslothZoo):
    """FastMLXModel: LoRA drawn from another seed."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Through `random_state`, which `get_peft_model` seeds itself with."""
        super().adapt(loaded, replace(job, seed=job.seed + 1))
