"""Faults between the backward pass and the optimizer: accumulation, scaling, clipping.

The tap computes its own mean of the passes; whatever the optimizer receives instead is a difference at `clip`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import ACCUMULATED, CLIPPED, LOOP, TRAINER
from parity.canaries.seam import replaced
from parity.metrics import Stage
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
    """Bounds the norm of each leaf separately."""
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
    """The gradient is clipped by value, though nothing asks for it."""

    def clip(self, _job: Job) -> Clip | None:
        import mlx.core as mx
        from mlx.utils import tree_map

        return Clip(bound="value 0.01", apply=lambda tree: tree_map(lambda leaf: mx.clip(leaf, -0.01, 0.01), tree))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class ClippedByLeaf(MlxLmLoop):
    """The gradient is clipped by leaf norm, though nothing asks for it."""

    def clip(self, _job: Job) -> Clip | None:
        return Clip(bound="leaf_norm 0.1", apply=by_leaf(0.1))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class ClippedByNorm(MlxLmLoop):
    """The global norm is clipped, though nothing asks for it."""

    def clip(self, _job: Job) -> Clip | None:
        return Clip(bound="norm 0.25", apply=by_norm(0.25))


@canary(on=CLIPPED, stage=Stage.CLIP, step=1)
class NotClipped(MlxLmLoop):
    """The gradient is not clipped, though the probe asks for it."""

    def clip(self, _job: Job) -> Clip | None:
        return None


@canary(on=CLIPPED, stage=Stage.CLIP, step=1)
class ClippedByLeafForNorm(MlxLmLoop):
    """Clipping uses the norm of each leaf, not of all."""

    def clip(self, job: Job) -> Clip | None:
        bound = float(job.settings["clip_grad_norm"])
        return Clip(bound=f"leaf_norm {bound:g}", apply=by_leaf(bound))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class ReceivedScaled(MlxLmLoop):
    """The optimizer receives the gradient × (1 + 2⁻¹⁰)."""

    def clip(self, _job: Job) -> Clip | None:
        from mlx.utils import tree_map

        return Clip(bound="scaled", apply=lambda tree: tree_map(lambda leaf: leaf * (1 + 2**-10), tree))


@canary(on=LOOP, stage=Stage.CLIP, step=1)
class GradientInBfloat16(MlxLmLoop):
    """The gradient is rounded to bfloat16 on its way to the optimizer."""

    def clip(self, _job: Job) -> Clip | None:
        import mlx.core as mx
        from mlx.utils import tree_map

        return Clip(
            bound="bfloat16",
            apply=lambda tree: tree_map(lambda leaf: leaf.astype(mx.bfloat16).astype(leaf.dtype), tree),
        )


@canary(on=LOOP, stage=Stage.CLIP, step=2)
class StaleByOneStep(MlxLmLoop):
    """The optimizer receives the gradient of the step before.

    At step 1 it receives that of step 1.
    """

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        # kept in the optimizer's state, which a compiled step carries on
        optimizer = super().optimizer(loaded, job, learning_rate)

        def stale(gradient: Any) -> Any:
            before = optimizer.state.get("stale", gradient)
            optimizer.state["stale"] = gradient
            return before

        return clipping(optimizer, Clip(bound="stale", apply=stale))


class _OtherStep(MlxLmLoop):
    """Replaces the loop's step with one that is made from it."""

    def made(self, own: Callable[..., Any], job: Job, *parts: Any) -> Callable[..., Any]:
        """Makes a step with the loop's own function, from model, loss, optimizer and number of passes."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        with replaced(loop, "_step", lambda own: lambda *parts: self.made(own, job, *parts)):
            super().train(loaded, job, tap)


@canary(on=ACCUMULATED, stage=Stage.CLIP, step=1)
class PassesSummed(_OtherStep):
    """The passes of an update are summed, not averaged."""

    def made(self, own: Callable[..., Any], _job: Job, *parts: Any) -> Callable[..., Any]:
        step: Callable[..., Any] = own(*parts[:-1], 1)
        return step


@canary(on=ACCUMULATED, stage=Stage.CLIP, step=1)
class PassDropped(_OtherStep):
    """The first pass of every update is dropped."""

    def made(self, own: Callable[..., Any], _job: Job, *parts: Any) -> Callable[..., Any]:
        step = own(*parts)
        return lambda batch, before, last: step(batch, before if last else None, last)


@canary(on=CLIPPED, stage=Stage.CLIP, step=1)
class ClippedBeforeAccumulation(_OtherStep):
    """Passes are clipped before they are added, not after.

    The last pass is not clipped.
    """

    def clip(self, _job: Job) -> Clip | None:
        return None

    def made(self, own: Callable[..., Any], job: Job, *parts: Any) -> Callable[..., Any]:
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
    """Replaces MLXTrainer's clipping by the global norm with one that is made from it."""

    def changed(self, own: Callable[..., Any], gradient: Any, max_norm: float) -> tuple[Any, Any]:
        """Replaces the clipping; returns the clipped gradient, and the norm before."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        def change(own: Any) -> Any:
            return lambda gradient, max_norm: self.changed(own, gradient, max_norm)

        with replaced(module("trainer"), "_clip_grad_norm_fp32", change):
            super().train(loaded, job, tap)


@canary(on=TRAINER, stage=Stage.CLIP, step=1)
class TrainerBoundOnePercentUp(_TrainerClip):
    """MLXTrainer: bound on the global norm × 1.01.

    The bound binds at every step.
    """

    def changed(self, own: Callable[..., Any], gradient: Any, max_norm: float) -> tuple[Any, Any]:
        clipped: tuple[Any, Any] = own(gradient, max_norm=max_norm * 1.01)
        return clipped


@canary(on=TRAINER, stage=Stage.CLIP, step=1)
class TrainerClippedByLeafForNorm(_TrainerClip):
    """MLXTrainer: clipping uses the norm of each leaf, not of all.

    The bound and the reported norm stay the same.
    """

    def changed(self, own: Callable[..., Any], gradient: Any, max_norm: float) -> tuple[Any, Any]:
        return by_leaf(max_norm)(gradient), own(gradient, max_norm=max_norm)[1]
