"""Changes that change no bit, by construction: an alarm about one of them is a false alarm."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.canary import harmless
from parity.canaries.clip import by_norm
from parity.canaries.ground import LOOP, TRAINER_PLAIN
from parity.canaries.loss import per_target
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.protocol import Clip
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parity.trainers.protocol import Job, Loaded, Tap


@harmless(on=LOOP)
class MaskInFloat32(MlxLmLoop):
    """The mask is in float32.

    mlx-lm multiplies by booleans, and promotes to float32 after that. A product with 1 or 0 is the same either way.
    """

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        import mlx.core as mx

        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            entropy, mask = per_target(model, batch, lengths)
            tokens = mask.sum()
            return (entropy * mask.astype(mx.float32)).sum() / tokens, tokens

        return loss


@harmless(on=LOOP)
class MaskedTargetsReplaced(MlxLmLoop):
    """Masked targets are replaced by mx.where.

    The token ids behind the end of a row are set to 1; their loss is multiplied by 0 in any case.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        import mlx.core as mx

        own = super().loss(loaded, job)

        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            inputs = batch[:, :-1]
            behind = mx.arange(batch.shape[1])[None] > lengths[:, 1:]
            return own(lambda _: model(inputs), mx.where(behind, 1, batch), lengths)

        return loss


@harmless(on=LOOP)
class DenominatorGuarded(MlxLmLoop):
    """The denominator is guarded by max(tokens, 1).

    There is always a token.
    """

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        import mlx.core as mx

        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            entropy, mask = per_target(model, batch, lengths)
            tokens = mask.sum()
            return (entropy * mask).astype(mx.float32).sum() / mx.maximum(tokens, 1), tokens

        return loss


@harmless(on=LOOP)
class BoundThatNeverBinds(MlxLmLoop):
    """The gradient is clipped by a global norm that it never reaches.

    It is multiplied by 1.
    """

    def clip(self, _job: Job) -> Clip | None:
        return Clip(bound="norm 1e+06", apply=by_norm(1e6))


@harmless(on=LOOP)
class StepNotCompiled(MlxLmLoop):
    """The step runs eagerly.

    These are the same operations, one at a time.
    """

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        super().train(loaded, replace(job, workload=replace(job.workload, compile=False)), tap)


@harmless(on=LOOP)
class NumberDrawnUnread(MlxLmLoop):
    """A random number is drawn before training, and nothing reads it.

    The adapters are drawn already, and there is no dropout.
    """

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        import mlx.core as mx

        mx.random.uniform()
        with super().forward(loaded, job):
            yield


@harmless(on=TRAINER_PLAIN)
class TrainerNormNotReported(UnslothZoo):
    """MLXTrainer: the gradient norm is not reported.

    The update does not need it.
    """

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        super().train(loaded, replace(job, settings={**job.settings, "report_grad_norm": False}), tap)


@harmless(on=TRAINER_PLAIN)
class TrainerNotCompiled(UnslothZoo):
    """MLXTrainer: the step runs eagerly.

    These are the same operations, one at a time.
    """

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        super().train(loaded, replace(job, workload=replace(job.workload, compile=False)), tap)
