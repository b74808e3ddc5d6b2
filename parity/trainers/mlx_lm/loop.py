"""The manual loop: what `mlx_lm.tuner.trainer.train` does, built from mlx-lm's public pieces."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from parity.metrics import Stage
from parity.trainers.mlx_lm.checkpointing import checkpointed
from parity.trainers.mlx_lm.stages import MlxLmStages, clipping

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded, Tap


class MlxLmLoop(MlxLmStages):
    """Provider `mlx-lm`: the reference that stages can be swapped into."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Trains in one compiled step, with each stage from mlx-lm or from the provider that lends it."""
        import mlx.core as mx

        workload, model = job.workload, loaded.model
        batches = iter(job.stages[Stage.BATCH].batches(loaded, job))
        rate = job.stages[Stage.SCHEDULE].schedule(job)
        by_hand = rate if callable(rate) and job.stages[Stage.SCHEDULE] is not self else None
        first = rate if by_hand is None else by_hand(0)
        updater = job.stages[Stage.UPDATE].optimizer(loaded, job, first)
        clip = job.stages[Stage.CLIP].clip(job)
        updater = clipping(updater, clip)
        tap.read_back = lambda _: {"clip": clip.bound if clip else "none"}
        self.save_settings(job)
        with (
            checkpointed(model, on=workload.gradient_checkpointing),
            job.stages[Stage.FORWARD].forward(loaded, job),
        ):
            loss = job.stages[Stage.LOSS].loss(loaded, job)
            state = [model.state, updater.state, mx.random.state]
            step = _step(model, loss, updater, workload.accumulation)
            if workload.compile:
                step = partial(mx.compile, inputs=state, outputs=state)(step)
            model.train()
            for update in range(workload.steps):
                if by_hand is not None:
                    updater.learning_rate = by_hand(update)
                losses, gradient = [], None
                for number, batch in enumerate(islice(batches, workload.accumulation), start=1):
                    last = number == workload.accumulation
                    value, tokens, gradient = step(self.arguments(batch, job), gradient, last)
                    mx.eval(state, value, tokens, gradient)
                    losses.append(value.item())
                tap.end_of_step({"loss": sum(losses) / len(losses), "lr": updater.learning_rate.item()})
        self.save(loaded, job)

    def save(self, loaded: Loaded, job: Job) -> None:
        """As the last lines of `mlx_lm.tuner.trainer.train` do (mlx-lm 0.30 to 0.32)."""
        import mlx.core as mx

        mx.save_safetensors(str(job.scratch / "adapters.safetensors"), self.saved(loaded))

    def saved(self, loaded: Loaded) -> dict[str, Any]:
        """The tensors that are saved: all that are trained, by name."""
        from mlx.utils import tree_flatten

        return dict(tree_flatten(loaded.model.trainable_parameters()))


def _step(model: Any, loss: Callable[..., Any], updater: Any, passes: int) -> Callable[..., Any]:
    from mlx import nn
    from mlx.utils import tree_map

    loss_and_gradient = nn.value_and_grad(model, loss)

    def step(batch: tuple[Any, ...], before: Any, do_update: bool) -> Any:
        (value, tokens), gradient = loss_and_gradient(model, *batch)
        if before is not None:
            gradient = tree_map(lambda one, other: one + other, gradient, before)
        if not do_update:
            return value, tokens, gradient
        if passes > 1:
            gradient = tree_map(lambda leaf: leaf / passes, gradient)
        updater.update(model, gradient)
        return value, tokens, None

    return step
