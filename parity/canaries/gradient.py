"""Faults in the backward pass. No value changes: what is added is zero, but has a gradient.

The fault is put into the parameters, not into the loss. The loss is promoted to float32 from logits in bfloat16, so
that a change of its gradient by 2⁻¹⁰ is rounded away on the way back: the parameters' gradients keep every bit, and
there is no fault to see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import ACCUMULATED, LOOP, TRAINER_PLAIN
from parity.canaries.loss import TrainerLoss
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.protocol import Clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded


def backward_scaled(value: Any, excess: Any) -> Any:
    """The same value, with a gradient that is 1 + `excess` times its own."""
    import mlx.core as mx

    return value + excess * (value - mx.stop_gradient(value))


def scale_leaves(model: Any, excess: float) -> None:
    """Gives every trainable leaf a gradient that is 1 + `excess` times its own; called while a loss is traced."""
    from mlx.utils import tree_map

    model.update(tree_map(lambda leaf: backward_scaled(leaf, excess), model.trainable_parameters()))


@canary(on=LOOP, stage=Stage.GRADIENT, step=1)
class BackwardScaled(MlxLmLoop):
    """Gradient × (1 + 2⁻¹⁰)."""

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        own = super().loss(loaded, job)

        def scaled(model: Any, *batch: Any) -> tuple[Any, Any]:
            scale_leaves(model, 2**-10)
            return own(model, *batch)

        return scaled


@canary(on=ACCUMULATED, stage=Stage.GRADIENT, step=1)
class PassesWeighedByTokens(MlxLmLoop):
    """The gradient of a pass is weighted by its token count / 200."""

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        own = super().loss(loaded, job)

        def weighed(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return backward_scaled(loss, tokens / 200 - 1), tokens

        return weighed


@canary(on=LOOP, stage=Stage.GRADIENT, step=1)
class NanIgnored(MlxLmLoop):
    """A gradient of NaN is set to zero before the update."""

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        # the root of a square is zero here, and its derivative is NaN
        import mlx.core as mx

        own = super().loss(loaded, job)

        def without_slope(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return loss + mx.sqrt(mx.square(loss - mx.stop_gradient(loss))), tokens

        return without_slope

    def clip(self, _job: Job) -> Clip | None:
        import mlx.core as mx
        from mlx.utils import tree_map

        return Clip(bound="finite", apply=lambda tree: tree_map(mx.nan_to_num, tree))


@canary(on=TRAINER_PLAIN, stage=Stage.GRADIENT, step=1)
class TrainerBackwardScaled(TrainerLoss):
    """MLXTrainer: gradient × (1 + 2⁻¹⁰)."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        scale_leaves(model, 2**-10)
        return own(model, *batch)
