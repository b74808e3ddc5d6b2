"""Faults of a size that can be chosen, × (1 + 2⁻ᵏ), about one per stage: how small a fault is still seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.adapt import wired
from parity.canaries.canary import graded
from parity.canaries.clip import by_norm
from parity.canaries.gradient import backward_scaled, scale_leaves
from parity.canaries.ground import CLIPPED, LOOP
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.protocol import Clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, LearningRate, Loaded


class _Sized(MlxLmLoop):
    """A change of the size 2⁻ᵏ."""

    def __init__(self, k: int) -> None:
        self.k = k

    @property
    def factor(self) -> float:
        """The factor of the change."""
        return 1 + 2.0**-self.k


@graded(on=LOOP, stage=Stage.LOAD)
class Weight(_Sized):
    """one weight (bfloat16).

    It is in the first layer, which has no adapter.
    """

    def load(self, job: Job) -> Loaded:
        loaded = super().load(job)
        owner = loaded.model.layers[0].mlp.down_proj
        owner.weight[0, 0] = owner.weight[0, 0].item() * self.factor
        return loaded


@graded(on=LOOP, stage=Stage.ADAPT)
class LoraA(_Sized):
    """every lora_a at the start."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        from mlx.utils import tree_map_with_path

        super().adapt(loaded, job)
        trained = loaded.model.trainable_parameters()
        loaded.model.update(
            tree_map_with_path(lambda name, leaf: leaf * self.factor if name.endswith("lora_a") else leaf, trained)
        )


@graded(on=LOOP, stage=Stage.GRADIENT)
class LoraScale(_Sized):
    """LoRA scale."""

    def adapt(self, loaded: Loaded, job: Job) -> None:
        super().adapt(loaded, wired(job, scale=job.workload.lora.scale * self.factor))


@graded(on=LOOP, stage=Stage.LOSS)
class Loss(_Sized):
    """loss.

    Its gradient is scaled with it.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        own = super().loss(loaded, job)

        def scaled(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return loss * self.factor, tokens

        return scaled


@graded(on=LOOP, stage=Stage.GRADIENT)
class GradientOfLeaves(_Sized):
    """gradient of every leaf (float32).

    The loss keeps every bit.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        own = super().loss(loaded, job)

        def scaled(model: Any, *batch: Any) -> tuple[Any, Any]:
            scale_leaves(model, self.factor - 1)
            return own(model, *batch)

        return scaled


@graded(on=LOOP, stage=Stage.GRADIENT)
class GradientOfLoss(_Sized):
    """gradient of the loss, on its way back through logits in bfloat16.

    The loss keeps every bit.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        own = super().loss(loaded, job)

        def scaled(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return backward_scaled(loss, self.factor - 1), tokens

        return scaled


@graded(on=LOOP, stage=Stage.CLIP)
class Received(_Sized):
    """gradient, on its way to the optimizer."""

    def clip(self, _job: Job) -> Clip | None:
        from mlx.utils import tree_map

        return Clip(bound="scaled", apply=lambda tree: tree_map(lambda leaf: leaf * self.factor, tree))


@graded(on=CLIPPED, stage=Stage.CLIP)
class Bound(_Sized):
    """bound of the global norm, which binds."""

    def clip(self, job: Job) -> Clip | None:
        bound = float(job.settings["clip_grad_norm"]) * self.factor
        return Clip(bound=f"norm {bound:g}", apply=by_norm(bound))


@graded(on=LOOP, stage=Stage.SCHEDULE)
class Rate(_Sized):
    """learning rate."""

    def schedule(self, job: Job) -> LearningRate:
        rate = super().schedule(job)
        assert isinstance(rate, float)
        return rate * self.factor


@graded(on=LOOP, stage=Stage.UPDATE)
class Decay(_Sized):
    """weight decay."""

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        asked = job.workload.optimizer
        changed = replace(asked, weight_decay=asked.weight_decay * self.factor)
        return super().optimizer(loaded, replace(job, workload=replace(job.workload, optimizer=changed)), learning_rate)


@graded(on=LOOP, stage=Stage.UPDATE)
class Epsilon(_Sized):
    """Adam's epsilon."""

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        adam = super().optimizer(loaded, job, learning_rate)
        adam.eps *= self.factor
        return adam
