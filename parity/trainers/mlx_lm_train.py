"""mlx-lm's own `train()`, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.errors import UnavailableError
from parity.probe.values import Stage
from parity.trainers.mlx_lm_parts import MlxLmParts, dataset, optimizer

if TYPE_CHECKING:
    from parity.tap import Tap
    from parity.trainers.protocol import Job, Loaded


class MlxLmTrain(MlxLmParts):
    """Provider `mlx-lm-train`: shows that the manual loop is the real thing."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """`mlx_lm.tuner.trainer.train`, reporting every step, validating on no batches.

        Nothing of it is replaced but what is borrowed, through its own arguments.
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

        rows = dataset(loaded, job)
        borrowed: dict[str, Any] = {}
        if Stage.LOSS in job.borrowed:
            borrowed["loss"] = job.borrowed[Stage.LOSS].loss(loaded, job)
        if Stage.BATCH in job.borrowed:
            batches = iter(job.borrowed[Stage.BATCH].batches(loaded, job))
            # `evaluate` asks without `loop`, and takes none
            borrowed["iterate_batches"] = lambda loop=False, **_: (batch[:2] for batch in batches) if loop else iter(())
        train(
            model=loaded.model,
            optimizer=optimizer(job),
            train_dataset=rows,
            val_dataset=rows,  # mlx-lm 0.30 insists on one; with no batches it is never read
            args=TrainingArgs(
                batch_size=workload.batch_size,
                iters=workload.steps,
                val_batches=0,
                steps_per_report=1,
                steps_per_eval=workload.steps + 1,
                steps_per_save=workload.steps + 1,
                max_seq_length=workload.max_seq_length,
                adapter_file=job.scratch / "adapters.safetensors",
            ),
            training_callback=EndOfStep(),
            **borrowed,
        )
