"""mlx-lm's own `train()`, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from parity.errors import UnavailableError
from parity.metrics import Stage
from parity.trainers.mlx_lm.checkpointing import restored
from parity.trainers.mlx_lm.stages import MlxLmStages, clipping, dataset

if TYPE_CHECKING:
    from parity.trainers.protocol import Job, Loaded, Tap


class MlxLmTrain(MlxLmStages):
    """Provider `mlx-lm-train`: shows that the manual loop takes the same steps as `train()`."""

    borrows: ClassVar[frozenset[Stage]] = MlxLmStages.borrows - {Stage.SCHEDULE}

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """`mlx_lm.tuner.trainer.train`, reporting every update and validating on no batches.

        Only borrowed stages are replaced, through its own arguments.
        """
        from mlx_lm.tuner.callbacks import TrainingCallback
        from mlx_lm.tuner.trainer import TrainingArgs, train

        workload = job.workload
        if not workload.compile:
            raise UnavailableError(
                "mlx-lm-train always compiles its step: use provider 'mlx-lm' for workload.compile = false"
            )

        class EndOfStep(TrainingCallback):  # type: ignore[misc]
            def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
                tap.end_of_step({"loss": train_info["train_loss"], "lr": train_info["learning_rate"]})

        rows, passes = dataset(loaded, job), workload.steps * workload.accumulation
        updater = job.stages[Stage.UPDATE].optimizer(loaded, job, self.schedule(job))
        clip = job.stages[Stage.CLIP].clip(job)
        tap.read_back = lambda _: {"clip": clip.bound if clip else "none"}
        self.save_settings(job)
        with restored(loaded.model), job.stages[Stage.FORWARD].forward(loaded, job):
            train(
                model=loaded.model,
                optimizer=clipping(updater, clip),
                train_dataset=rows,
                val_dataset=rows,  # mlx-lm 0.30 requires one; with no batches it is never read
                args=TrainingArgs(
                    batch_size=workload.batch_size,
                    iters=passes,
                    val_batches=0,
                    steps_per_report=workload.accumulation,
                    steps_per_eval=passes + 1,
                    steps_per_save=passes + 1,
                    max_seq_length=workload.max_seq_length,
                    adapter_file=job.scratch / "adapters.safetensors",
                    grad_checkpoint=workload.gradient_checkpointing,
                    grad_accumulation_steps=workload.accumulation,
                ),
                training_callback=EndOfStep(),
                **self._borrowed(loaded, job),
            )

    def _borrowed(self, loaded: Loaded, job: Job) -> dict[str, Any]:
        borrowed: dict[str, Any] = {}
        if job.stages[Stage.LOSS] is not self:
            borrowed["loss"] = job.stages[Stage.LOSS].loss(loaded, job)
        if job.stages[Stage.BATCH] is not self:
            batches = iter(job.stages[Stage.BATCH].batches(loaded, job))
            # `evaluate` calls this without `loop`, and must not consume a batch
            borrowed["iterate_batches"] = lambda loop=False, **_: (
                (self.arguments(batch, job) for batch in batches) if loop else iter(())
            )
        return borrowed
