"""The manual loop: what `mlx_lm.tuner.trainer.train` does, from mlx-lm's public pieces."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from parity.probe.values import Stage
from parity.trainers.mlx_lm_parts import MlxLmParts, optimizer

if TYPE_CHECKING:
    from parity.tap import Tap
    from parity.trainers.protocol import Job, Loaded


class MlxLmLoop(MlxLmParts):
    """Provider `mlx-lm`: the reference that stages can be swapped into."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Batches and loss from mlx-lm or from where they are borrowed, update from mlx, one compiled step."""
        import mlx.core as mx
        from mlx import nn

        workload, model, updater = job.workload, loaded.model, optimizer(job)
        loss = job.borrowed.get(Stage.LOSS, self).loss(loaded, job)
        batches = job.borrowed.get(Stage.BATCH, self).batches(loaded, job)
        loss_and_gradient = nn.value_and_grad(model, loss)
        state = [model.state, updater.state, mx.random.state]

        def step(batch: mx.array, lengths: mx.array) -> Any:
            (value, tokens), gradient = loss_and_gradient(model, batch, lengths)
            updater.update(model, gradient)
            return value, tokens

        if workload.compile:
            step = partial(mx.compile, inputs=state, outputs=state)(step)
        model.train()
        for _, batch in zip(range(workload.steps), batches, strict=False):
            value, tokens = step(*batch[:2])
            mx.eval(state, value, tokens)
            tap.end_of_step({"loss": value.item(), "lr": updater.learning_rate.item()})
