"""Faults in the loss: mask, denominator, precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, MASKED, TRAINER_ACCUMULATED, TRAINER_MASKED, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded, Tap


def per_target(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
    """Cross entropy of every target, [rows, length − 1] in the dtype of the logits, and which of them count.

    The same as in `mlx_lm.tuner.trainer.default_loss` of mlx-lm 0.32, up to the mask.
    """
    import mlx.core as mx
    from mlx import nn

    targets = batch[:, 1:]
    steps = mx.arange(1, targets.shape[1] + 1)
    mask = mx.logical_and(steps >= lengths[:, 0:1], steps <= lengths[:, 1:])
    return nn.losses.cross_entropy(model(batch[:, :-1]), targets), mask


class _OtherLengths(MlxLmLoop):
    """Gives mlx-lm's own loss changed offsets and lengths; the tap sees the batch's own."""

    factor: tuple[int, int] = (1, 1)
    shift: tuple[int, int] = (0, 0)

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        import mlx.core as mx

        own = super().loss(loaded, job)
        return lambda model, batch, lengths: own(model, batch, lengths * mx.array(self.factor) + mx.array(self.shift))


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class MaskEndsOneEarly(_OtherLengths):
    """The last target of every row is not counted."""

    shift = (0, -1)


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class MaskEndsOneLate(_OtherLengths):
    """One padding token is counted as a target in every padded row."""

    shift = (0, 1)


@canary(on=MASKED, stage=Stage.LOSS, step=1)
class MaskStartsOneEarly(_OtherLengths):
    """The last token of every prompt is counted as a target."""

    shift = (-1, 0)


@canary(on=MASKED, stage=Stage.LOSS, step=1)
class MaskStartsOneLate(_OtherLengths):
    """The first target of every completion is not counted."""

    shift = (1, 0)


@canary(on=MASKED, stage=Stage.LOSS, step=1)
class PromptNotMasked(_OtherLengths):
    """The prompt is trained on."""

    factor = (0, 1)


class _OtherReduction(MlxLmLoop):
    """Reduces the cross entropy of the targets in a different way; the token count stays right."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, tokens: Any) -> Any:
        """Entropy and mask, [rows, length − 1], and the number of targets → the loss."""
        raise NotImplementedError

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            entropy, mask = per_target(model, batch, lengths)
            tokens = mask.sum()  # once: mlx 0.32.4 fails to compile a step with two equal sums, one of them an output
            return self.reduced(entropy, mask, tokens), tokens

        return loss


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class DividedByRows(_OtherReduction):
    """The loss is divided by the rows of the batch, not by its tokens."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, _tokens: Any) -> Any:
        import mlx.core as mx

        return (entropy * mask).astype(mx.float32).sum() / mask.shape[0]


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class DenominatorGuardedByOne(_OtherReduction):
    """The loss is divided by tokens + 1, to avoid a division by zero."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, tokens: Any) -> Any:
        import mlx.core as mx

        return (entropy * mask).astype(mx.float32).sum() / (tokens + 1)


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class MeanOfRowMeans(_OtherReduction):
    """The loss is the mean over rows of each row's mean.

    A token of a short row counts more.
    """

    @staticmethod
    def reduced(entropy: Any, mask: Any, _tokens: Any) -> Any:
        import mlx.core as mx

        return ((entropy * mask).astype(mx.float32).sum(axis=1) / mask.sum(axis=1)).mean()


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class SummedInBfloat16(_OtherReduction):
    """The loss is summed over the targets in bfloat16.

    The sum is promoted to float32 after it, not before.
    """

    @staticmethod
    def reduced(entropy: Any, mask: Any, tokens: Any) -> Any:
        import mlx.core as mx

        return (entropy * mask).sum().astype(mx.float32) / tokens


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class LogitsInFloat32(MlxLmLoop):
    """The logits are promoted to float32 before the cross entropy.

    This is more exact, but a different number.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        import mlx.core as mx

        own = super().loss(loaded, job)
        return lambda model, *batch: own(lambda ids: model(ids).astype(mx.float32), *batch)


class TrainerLoss(UnslothZoo):
    """Replaces MLXTrainer's loss with one that is made from it."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        """Replaces the loss of a model and a batch: token ids, lengths and labels."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        def change(make: Any) -> Any:
            def made(*args: Any, **kwargs: Any) -> Any:
                own = make(*args, **kwargs)
                return lambda model, *batch: self.changed(own, model, *batch)

            return made

        with replaced(module("trainer"), "make_baseline_loss_fn", change):
            super().train(loaded, job, tap)


@canary(on=TRAINER_PLAIN, stage=Stage.LOSS, step=1)
class TrainerMaskEndsOneEarly(TrainerLoss):
    """MLXTrainer: the last target of every row is not counted."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        import mlx.core as mx

        ids, lengths, *labels = batch
        return own(model, ids, lengths - mx.array([0, 1]), *labels)


@canary(on=TRAINER_MASKED, stage=Stage.LOSS, step=1)
class TrainerPromptNotMasked(TrainerLoss):
    """MLXTrainer: the prompt is trained on."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        return own(model, *batch[:2])


@canary(on=TRAINER_ACCUMULATED, stage=Stage.LOSS, step=1)
class TrainerDividedByRows(TrainerLoss):
    """MLXTrainer: the loss is divided by rows, not by tokens."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        loss, tokens = own(model, *batch)
        return loss * tokens / batch[0].shape[0], tokens
