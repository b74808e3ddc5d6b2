"""Faults of the backward pass. The loss keeps every bit: it is added something that is zero and has a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import ACCUMULATED, LOOP, TRAINER_PLAIN
from parity.canaries.loss import TrainerLoss
from parity.probe.values import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.protocol import Clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded


def backward_scaled(loss: Any, excess: float) -> Any:
    """The same loss, whose gradient is 1 + `excess` times its own."""
    import mlx.core as mx

    return loss + excess * (loss - mx.stop_gradient(loss))


@canary(on=LOOP, stage=Stage.GRADIENT, step=1)
class BackwardScaled(MlxLmLoop):
    """Gradient × (1 + 2⁻¹⁰)."""

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """In the backward pass."""
        own = super().loss(loaded, job)

        def scaled(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return backward_scaled(loss, 2**-10), tokens

        return scaled


@canary(on=ACCUMULATED, stage=Stage.GRADIENT, step=1)
class PassesWeighedByTokens(MlxLmLoop):
    """Passes of an update weighed by their tokens, over 200 a pass."""

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """In the backward pass."""
        own = super().loss(loaded, job)

        def weighed(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return backward_scaled(loss, tokens / 200 - 1), tokens

        return weighed


@canary(on=LOOP, stage=Stage.GRADIENT, step=1)
class NanSwallowed(MlxLmLoop):
    """A gradient of NaN, set to zero before the update."""

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """The root of a square is zero and has no slope there."""
        import mlx.core as mx

        own = super().loss(loaded, job)

        def without_slope(model: Any, *batch: Any) -> tuple[Any, Any]:
            loss, tokens = own(model, *batch)
            return loss + mx.sqrt(mx.square(loss - mx.stop_gradient(loss))), tokens

        return without_slope

    def clip(self, _job: Job) -> Clip | None:
        """As a guard would."""
        import mlx.core as mx
        from mlx.utils import tree_map

        return Clip(bound="finite", apply=lambda tree: tree_map(mx.nan_to_num, tree))


@canary(on=TRAINER_PLAIN, stage=Stage.GRADIENT, step=1)
class TrainerBackwardScaled(TrainerLoss):
    """MLXTrainer: gradient × (1 + 2⁻¹⁰)."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        """In the backward pass."""
        loss, tokens = own(model, *batch)
        return backward_scaled(loss, 2**-10), tokens
