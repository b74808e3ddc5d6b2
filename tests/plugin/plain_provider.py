"""The provider of `plain_trainer`: the example of `docs/add-a-provider.md`."""

from typing import Any, ClassVar

from parity.metrics import Stage
from parity.trainers.mlx_lm.stages import MlxLmStages
from parity.trainers.protocol import SettingKind


class Plain(MlxLmStages):  # load, adapt, batches, loss and optimizer are mlx-lm's; only the loop is not
    distributions = ("plain-trainer", "mlx-lm")
    lends = frozenset[Stage]()
    borrows = frozenset({Stage.LOAD, Stage.ADAPT, Stage.BATCH, Stage.LOSS})
    settings: ClassVar[dict[str, SettingKind]] = {}  # not mlx-lm's `clip_grad_norm`: `fit` does not clip

    def train(self, loaded: Any, job: Any, tap: Any) -> None:
        from plain_trainer import fit

        batches = job.stages[Stage.BATCH].batches(loaded, job)
        loss = job.stages[Stage.LOSS].loss(loaded, job)
        optimizer = job.stages[Stage.UPDATE].optimizer(loaded, job, job.stages[Stage.SCHEDULE].schedule(job))
        tap.read_back = lambda _: {"clip": "none"}
        fit(loaded.model, optimizer, batches, loss, job.workload.steps, lambda value: tap.end_of_step({"loss": value}))
