"""Changes that change no bit, by construction: an alarm about one of them is a false one."""

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
    """The mask in float32.

    A product with 1 or 0, promoted to float32 before it instead of after.
    """

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        """Where mlx-lm multiplies by truth values."""
        import mlx.core as mx

        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            entropy, mask = per_target(model, batch, lengths)
            tokens = mask.sum()
            return (entropy * mask.astype(mx.float32)).sum() / tokens, tokens

        return loss


@harmless(on=LOOP)
class MaskedTargetsReplaced(MlxLmLoop):
    """Targets that are masked replaced by mx.where.

    What they are is multiplied by 0.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """Token ids behind the end of a row are set to 1."""
        import mlx.core as mx

        own = super().loss(loaded, job)

        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            inputs = batch[:, :-1]
            behind = mx.arange(batch.shape[1])[None] > lengths[:, 1:]
            return own(lambda _: model(inputs), mx.where(behind, 1, batch), lengths)

        return loss


@harmless(on=LOOP)
class DenominatorGuarded(MlxLmLoop):
    """The denominator guarded by max(tokens, 1)."""

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        """There is always a token."""
        import mlx.core as mx

        def loss(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            entropy, mask = per_target(model, batch, lengths)
            tokens = mask.sum()
            return (entropy * mask).astype(mx.float32).sum() / mx.maximum(tokens, 1), tokens

        return loss


@harmless(on=LOOP)
class BoundThatNeverBinds(MlxLmLoop):
    """Clipped by a global norm that is never reached.

    A product with 1.
    """

    def clip(self, _job: Job) -> Clip | None:
        """At a million."""
        return Clip(bound="norm 1e+06", apply=by_norm(1e6))


@harmless(on=LOOP)
class StepNotCompiled(MlxLmLoop):
    """The step run eagerly."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """The same operations, one at a time."""
        super().train(loaded, replace(job, workload=replace(job.workload, compile=False)), tap)


@harmless(on=LOOP)
class NumberDrawnUnread(MlxLmLoop):
    """A random number drawn before training, which nothing reads.

    There is no dropout.
    """

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        """The adapters are drawn already."""
        import mlx.core as mx

        mx.random.uniform()
        with super().forward(loaded, job):
            yield


@harmless(on=TRAINER_PLAIN)
class TrainerNormNotReported(UnslothZoo):
    """MLXTrainer: no gradient norm reported."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """It is computed beside the update."""
        super().train(loaded, replace(job, settings={**job.settings, "report_grad_norm": False}), tap)


@harmless(on=TRAINER_PLAIN)
class TrainerNotCompiled(UnslothZoo):
    """MLXTrainer: the step run eagerly."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """The same operations, one at a time."""
        super().train(loaded, replace(job, workload=replace(job.workload, compile=False)), tap)
