"""Faults between the backward pass and the optimizer: accumulation, scaling, clipping.

The tap takes its own mean of the passes, and calls `clip` whatever the optimizer receives instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import ACCUMULATED, CLIPPED, LOOP, TRAINER
from parity.canaries.seam import replaced
from parity.probe.values import Stage
from parity.trainers.mlx_lm import loop
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.mlx_lm.stages import clipping
from parity.trainers.protocol import Clip
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, LearningRate, Loaded, Tap


def by_leaf(bound: float) -> Callable[[Any], Any]:
    """Bounds the norm of every leaf by itself."""
    import mlx.core as mx
    from mlx.utils import tree_map

    def bounded(leaf: Any) -> Any:
        norm = mx.linalg.norm(leaf.reshape(-1).astype(mx.float32))
        return leaf * mx.minimum(bound / norm, 1.0).astype(leaf.dtype)

    return lambda tree: tree_map(bounded, tree)


def by_norm(bound: float) -> Callable[[Any], Any]:
    """Bounds the norm of all leaves together."""
    from mlx.optimizers import clip_grad_norm

    return lambda tree: clip_grad_norm(tree, max_norm=bound)[0]


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class ClippedByValue(MlxLmLoop):
    """Clipped by value where nothing was asked for."""

    def clip(self, _job: Job) -> Clip | None:
        """At 0.01 an element."""
        import mlx.core as mx
        from mlx.utils import tree_map

        return Clip(bound="value 0.01", apply=lambda tree: tree_map(lambda leaf: mx.clip(leaf, -0.01, 0.01), tree))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class ClippedByLeaf(MlxLmLoop):
    """Clipped by the norm of each leaf where nothing was asked for."""

    def clip(self, _job: Job) -> Clip | None:
        """At 0.1 a leaf."""
        return Clip(bound="leaf_norm 0.1", apply=by_leaf(0.1))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class ClippedByNorm(MlxLmLoop):
    """Clipped by the global norm where nothing was asked for."""

    def clip(self, _job: Job) -> Clip | None:
        """At 0.25."""
        return Clip(bound="norm 0.25", apply=by_norm(0.25))


@canary(on=CLIPPED, stage=Stage.CLIP, step=1)
class NotClipped(MlxLmLoop):
    """Not clipped although it was asked for."""

    def clip(self, _job: Job) -> Clip | None:
        """Nothing."""
        return None


@canary(on=CLIPPED, stage=Stage.CLIP, step=1)
class ClippedByLeafForNorm(MlxLmLoop):
    """Clipped by the norm of each leaf, not of all."""

    def clip(self, job: Job) -> Clip | None:
        """At the same bound."""
        bound = float(job.settings["clip_grad_norm"])
        return Clip(bound=f"leaf_norm {bound:g}", apply=by_leaf(bound))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class ReceivedScaled(MlxLmLoop):
    """Gradient × (1 + 2⁻¹⁰) on its way to the optimizer."""

    def clip(self, _job: Job) -> Clip | None:
        """After the backward pass."""
        from mlx.utils import tree_map

        return Clip(bound="scaled", apply=lambda tree: tree_map(lambda leaf: leaf * (1 + 2**-10), tree))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class GradientInBfloat16(MlxLmLoop):
    """Gradient in bfloat16 on its way to the optimizer."""

    def clip(self, _job: Job) -> Clip | None:
        """And back to the adapters' dtype."""
        import mlx.core as mx
        from mlx.utils import tree_map

        return Clip(
            bound="bfloat16",
            apply=lambda tree: tree_map(lambda leaf: leaf.astype(mx.bfloat16).astype(leaf.dtype), tree),
        )


@canary(on=LOOP, stage=Stage.CLIP, step=2)
class StaleByOneStep(MlxLmLoop):
    """The gradient of the step before; of step 1 its own."""

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        """Kept in the optimizer's state, which a compiled step carries on."""
        optimizer = super().optimizer(loaded, job, learning_rate)

        def stale(gradient: Any) -> Any:
            before = optimizer.state.get("stale", gradient)
            optimizer.state["stale"] = gradient
            return before

        return clipping(optimizer, Clip(bound="stale", apply=stale))


class _OtherStep(MlxLmLoop):
    """Puts another step into the loop, made from its own."""

    def made(self, own: Callable[..., Any], job: Job, *parts: Any) -> Callable[..., Any]:
        """Model, loss, optimizer and number of passes → (batch, gradient so far, whether to update) → the same."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Where the loop makes it."""
        with replaced(loop, "_step", lambda own: lambda *parts: self.made(own, job, *parts)):
            super().train(loaded, job, tap)


@canary(on=ACCUMULATED, stage=Stage.CLIP, step=1)
class PassesSummed(_OtherStep):
    """The passes of an update summed, not averaged."""

    def made(self, own: Callable[..., Any], _job: Job, *parts: Any) -> Callable[..., Any]:
        """Divided by one."""
        step: Callable[..., Any] = own(*parts[:-1], 1)
        return step


@canary(on=ACCUMULATED, stage=Stage.CLIP, step=1)
class PassDropped(_OtherStep):
    """The first pass of every update dropped."""

    def made(self, own: Callable[..., Any], _job: Job, *parts: Any) -> Callable[..., Any]:
        """The second starts the sum again."""
        step = own(*parts)
        return lambda batch, before, last: step(batch, before if last else None, last)


@canary(on=CLIPPED, stage=Stage.CLIP, step=1)
class ClippedBeforeAccumulation(_OtherStep):
    """Passes of an update clipped before they are added, not after."""

    def clip(self, _job: Job) -> Clip | None:
        """Not after."""
        return None

    def made(self, own: Callable[..., Any], job: Job, *parts: Any) -> Callable[..., Any]:
        """All passes but the last, which is added as it is."""
        from mlx.utils import tree_map

        step, clip = own(*parts), by_norm(float(job.settings["clip_grad_norm"]))

        def clipped(batch: Any, before: Any, last: bool) -> Any:
            if last:
                return step(batch, before, last)
            value, tokens, gradient = step(batch, None, last)
            gradient = clip(gradient)
            return value, tokens, gradient if before is None else tree_map(lambda a, b: a + b, gradient, before)

        return clipped


class _TrainerClip(UnslothZoo):
    """Puts another clip by the global norm into MLXTrainer, made from its own."""

    def changed(self, own: Callable[..., Any], gradient: Any, max_norm: float) -> tuple[Any, Any]:
        """What stands in for it: the clipped gradient, and the norm before."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Through `_clip_grad_norm_fp32`."""

        def change(own: Any) -> Any:
            return lambda gradient, max_norm: self.changed(own, gradient, max_norm)

        with replaced(module("trainer"), "_clip_grad_norm_fp32", change):
            super().train(loaded, job, tap)


@canary(on=TRAINER, stage=Stage.CLIP, step=1)
class TrainerBoundOnePercentUp(_TrainerClip):
    """MLXTrainer: the bound of the global norm × 1.01."""

    def changed(self, own: Callable[..., Any], gradient: Any, max_norm: float) -> tuple[Any, Any]:
        """It binds at every step."""
        clipped: tuple[Any, Any] = own(gradient, max_norm=max_norm * 1.01)
        return clipped


@canary(on=TRAINER, stage=Stage.CLIP, step=1)
class TrainerClippedByLeafForNorm(_TrainerClip):
    """MLXTrainer: clipped by the norm of each leaf, not of all."""

    def changed(self, own: Callable[..., Any], gradient: Any, max_norm: float) -> tuple[Any, Any]:
        """At the same bound, reporting the same norm."""
        return by_leaf(max_norm)(gradient), own(gradient, max_norm=max_norm)[1]
