"""A provider that calls itself another library and runs mlx-lm's loop: what a harness must not call parity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from parity.trainers.mlx_lm.loop import MlxLmLoop

if TYPE_CHECKING:
    from parity.trainers.protocol import Job, Loaded, Tap


class Pretending(MlxLmLoop):
    distributions: ClassVar[tuple[str, ...]] = ("pretending-trainer",)

    def load(self, job: Job) -> Loaded:
        return super().load(job)

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> Any:
        super().train(loaded, job, tap)
