"""The manual loop: what `mlx_lm.tuner.trainer.train` does, from mlx-lm's public pieces."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from parity.trainers.mlx_lm_parts import MlxLmParts, dataset, optimizer

if TYPE_CHECKING:
    from parity.tap import Tap
    from parity.trainers.protocol import Job, Loaded


class MlxLmLoop(MlxLmParts):
    """Provider `mlx-lm`: the reference that stages can be swapped into."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Batches, loss and gradient from mlx-lm, update from mlx, one compiled step."""
        import mlx.core as mx
        from mlx import nn
        from mlx_lm.tuner.trainer import default_loss, iterate_batches

        workload, model, updater = job.workload, loaded.model, optimizer(job)
        loss_and_gradient = nn.value_and_grad(model, default_loss)
        state = [model.state, updater.state, mx.random.state]

        def step(batch: mx.array, lengths: mx.array) -> Any:
            (loss, tokens), gradient = loss_and_gradient(model, batch, lengths)
            updater.update(model, gradient)
            return loss, tokens

        if workload.compile:
            step = partial(mx.compile, inputs=state, outputs=state)(step)
        model.train()
        batches = iterate_batches(
            dataset=dataset(loaded, job),
            batch_size=workload.batch_size,
            max_seq_length=workload.max_seq_length,
            loop=True,
        )
        for _, batch in zip(range(workload.steps), batches, strict=False):
            loss, tokens = step(*batch)
            mx.eval(state, loss, tokens)
            tap.end_of_step({"loss": loss.item(), "lr": updater.learning_rate.item()})
