"""mlx-lm's loop that takes other steps while it is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx import nn

from parity.trainers.mlx_lm.loop import MlxLmLoop

if TYPE_CHECKING:
    from parity.trainers.protocol import Job, LearningRate, Loaded


class Shy(MlxLmLoop):
    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        made = super().optimizer(loaded, job, learning_rate)
        if nn.value_and_grad.__code__.co_filename.endswith("lab/tap.py"):
            made.learning_rate = 1.5e-3
        return made
