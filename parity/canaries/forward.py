"""Faults in the model during training, and patches that stay after training."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, RAMPED, TRAINER, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.importing import module
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parity.trainers.protocol import Job, Loaded, Tap


@canary(on=LOOP, stage=Stage.FORWARD, step=0)
class NormsInFloat32(MlxLmLoop):
    """Norm weights are promoted to float32 for training.

    MLXTrainer does the same.
    """

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        import mlx.core as mx
        from mlx.utils import tree_map_with_path

        promoted = tree_map_with_path(
            lambda name, leaf: leaf.astype(mx.float32) if "norm" in name else leaf, loaded.model.parameters()
        )
        loaded.model.update(promoted)
        with super().forward(loaded, job):
            yield


@canary(on=LOOP, stage=Stage.LOSS, step=1)
class NormEpsilonUp(MlxLmLoop):
    """The first norm of every layer has an epsilon of 1e-3.

    Epsilon is no parameter, so the loss is the first to show it.
    """

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        for layer in loaded.model.layers:
            layer.input_layernorm.eps = 1e-3
        with super().forward(loaded, job):
            yield


@canary(on=RAMPED, stage=Stage.GRADIENT, step=1)
class DropoutDrawnLater(MlxLmLoop):
    """Dropout is drawn one random number too late.

    While lora_b is zero, only its gradient shows the fault.
    """

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        import mlx.core as mx

        mx.random.uniform()
        with super().forward(loaded, job):
            yield


@canary(on=RAMPED, stage=Stage.GRADIENT, step=1)
class EvalMode(MlxLmLoop):
    """The model is trained in eval mode, so without dropout.

    While lora_b is zero, only its gradient shows the fault.
    """

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        # set when the step is traced, after the loop has called model.train()
        own = super().loss(loaded, job)

        def in_eval_mode(model: Any, *batch: Any) -> tuple[Any, Any]:
            model.eval()
            return own(model, *batch)

        return in_eval_mode


@canary(on=LOOP, stage=Stage.LOSS, step=1, outlives=True)
class LinearPatchedForGood(MlxLmLoop):
    """A patch of the class nn.Linear stays after training.

    Its own steps are right; only what trains next in this process is changed.
    """

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        from mlx import nn

        with super().forward(loaded, job):
            yield
        call = nn.Linear.__call__
        nn.Linear.__call__ = lambda linear, x: call(linear, x) * 1.5


@canary(on=LOOP, stage=Stage.LOSS, step=1, outlives=True)
class LossPatchedForGood(MlxLmLoop):
    """A patch of mlx-lm's default_loss stays after training.

    What trains next in this process has one target fewer in every row.
    """

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        import mlx.core as mx
        from mlx_lm.tuner import trainer

        with super().forward(loaded, job):
            yield
        own = trainer.default_loss
        trainer.default_loss = lambda model, batch, lengths: own(model, batch, lengths - mx.array([0, 1]))


@canary(on=TRAINER_PLAIN, stage=Stage.FORWARD, step=0)
class TrainerNormsAsLoaded(UnslothZoo):
    """MLXTrainer: norm weights are not promoted to float32."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        with replaced(module("loader"), "_keep_norm_parameters_float32", lambda _own: lambda _model: None):
            super().train(loaded, job, tap)


@canary(on=TRAINER, stage=Stage.CLIP, step=1, outlives=True)
class TrainerClipPatchedForGood(UnslothZoo):
    """MLXTrainer: a patch of its clipping stays after training.

    What trains next in this process is clipped at twice the bound.
    """

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        super().train(loaded, job, tap)
        trainer: Any = module("trainer")
        own = trainer._clip_grad_norm_fp32
        trainer._clip_grad_norm_fp32 = lambda gradient, max_norm: own(gradient, max_norm=2 * max_norm)
