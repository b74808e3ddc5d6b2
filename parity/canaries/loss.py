"""Faults of the loss: mask, denominator, precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, MASKED, TRAINER_ACCUMULATED, TRAINER_MASKED, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.probe.values import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded, Tap


def per_target(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
    """Cross entropy of every target, [rows, length − 1] in the dtype of the logits, and which of them count.

    With `mlx_lm.tuner.trainer.default_loss` as it was in mlx-lm 0.32: the same up to the mask.
    """
    import mlx.core as mx
    from mlx import nn

    targets = batch[:, 1:]
    steps = mx.arange(1, targets.shape[1] + 1)
    mask = mx.logical_and(steps >= lengths[:, 0:1], steps <= lengths[:, 1:])
    return nn.losses.cross_entropy(model(batch[:, :-1]), targets), mask


class _OtherLengths(MlxLmLoop):
    """Gives mlx-lm's own loss other offsets and lengths."""

    factor: tuple[int, int] = (1, 1)
    shift: tuple[int, int] = (0, 0)

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """The tap sees the batch's own."""
        import mlx.core as mx

        own = super().loss(loaded, job)
        return lambda model, batch, lengths: own(model, batch, lengths * mx.array(self.factor) + mx.array(self.shift))


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class MaskEndsOneEarly(_OtherLengths):
    """The last target of every row not counted."""

    shift = (0, -1)


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class MaskEndsOneLate(_OtherLengths):
    """One target of padding counted in every padded row."""

    shift = (0, 1)


@canary(on=MASKED, stage=Stage.LOSS, step=1)
class MaskStartsOneEarly(_OtherLengths):
    """The last token of every prompt counted as a target."""

    shift = (-1, 0)


@canary(on=MASKED, stage=Stage.LOSS, step=1)
class MaskStartsOneLate(_OtherLengths):
    """The first target of every completion not counted."""

    shift = (1, 0)


@canary(on=MASKED, stage=Stage.LOSS, step=1)
class PromptNotMasked(_OtherLengths):
    """The prompt trained on."""

    factor = (0, 1)


class _OtherReduction(MlxLmLoop):
    """Reduces the cross entropy of the targets in another way."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, tokens: Any) -> Any:
        """Entropy and mask, [rows, length − 1], and how many targets count → the loss."""
        raise NotImplementedError

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        """Tokens are counted as ever."""

        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            entropy, mask = per_target(model, batch, lengths)
            tokens = mask.sum()  # once: mlx 0.32.4 fails to compile a step with two equal sums, one of them an output
            return self.reduced(entropy, mask, tokens), tokens

        return loss


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class DividedByRows(_OtherReduction):
    """Divided by the rows of the batch, not by its tokens."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, _tokens: Any) -> Any:
        """Sum over rows."""
        import mlx.core as mx

        return (entropy * mask).astype(mx.float32).sum() / mask.shape[0]


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class DenominatorGuardedByOne(_OtherReduction):
    """Divided by one token more, against a division by zero."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, tokens: Any) -> Any:
        """Sum over tokens and one."""
        import mlx.core as mx

        return (entropy * mask).astype(mx.float32).sum() / (tokens + 1)


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class MeanOfRowMeans(_OtherReduction):
    """The mean over rows of each row's mean."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, _tokens: Any) -> Any:
        """A token of a short row counts more."""
        import mlx.core as mx

        return ((entropy * mask).astype(mx.float32).sum(axis=1) / mask.sum(axis=1)).mean()


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class SummedInBfloat16(_OtherReduction):
    """The sum over targets in bfloat16."""

    @staticmethod
    def reduced(entropy: Any, mask: Any, tokens: Any) -> Any:
        """Promoted after, not before."""
        import mlx.core as mx

        return (entropy * mask).sum().astype(mx.float32) / tokens


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class LogitsInFloat32(MlxLmLoop):
    """Logits promoted to float32 before the cross entropy."""

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """More exact, and another number."""
        import mlx.core as mx

        own = super().loss(loaded, job)
        return lambda model, *batch: own(lambda ids: model(ids).astype(mx.float32), *batch)


class TrainerLoss(UnslothZoo):
    """Puts another loss into MLXTrainer, made from its own."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        """What stands in for its loss of a model and token ids, lengths and labels."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Through `make_baseline_loss_fn`."""

        def change(make: Any) -> Any:
            def made(*args: Any, **kwargs: Any) -> Any:
                own = make(*args, **kwargs)
                return lambda model, *batch: self.changed(own, model, *batch)

            return made

        with replaced(module("trainer"), "make_baseline_loss_fn", change):
            super().train(loaded, job, tap)


@canary(on=TRAINER_PLAIN, stage=Stage.LOSS, step=1)
class TrainerMaskEndsOneEarly(TrainerLoss):
    """MLXTrainer: the last target of every row not counted."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        """By lengths of one less."""
        import mlx.core as mx

        ids, lengths, *labels = batch
        return own(model, ids, lengths - mx.array([0, 1]), *labels)


@canary(on=TRAINER_MASKED, stage=Stage.LOSS, step=1)
class TrainerPromptNotMasked(TrainerLoss):
    """MLXTrainer: the prompt trained on."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        """By no labels."""
        return own(model, *batch[:2])


@canary(on=TRAINER_ACCUMULATED, stage=Stage.LOSS, step=1)
class TrainerDividedByRows(TrainerLoss):
    """MLXTrainer: divided by the rows of a batch, not by its tokens."""

    def changed(self, own: Callable[..., tuple[Any, Any]], model: Any, *batch: Any) -> tuple[Any, Any]:
        """Of every pass."""
        loss, tokens = own(model, *batch)
        return loss * tokens / batch[0].shape[0], tokens
