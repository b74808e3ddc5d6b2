"""mlx-lm's loop on a device that does not repeat itself: noise of a known size, and an error of a known size.

The machine that tests run on repeats itself: the device says that it is a GPU, the noise is drawn from the system.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from random import SystemRandom
from typing import TYPE_CHECKING, Any, ClassVar

import mlx.core as mx

from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.protocol import SettingKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded, SettingKinds, Tap

mx.default_device = lambda: mx.Device(mx.gpu)


class Noisy(MlxLmLoop):
    settings: ClassVar[SettingKinds] = {
        "noise": SettingKind(type=float, stage=Stage.LOSS),
        "error": SettingKind(type=float, stage=Stage.LOSS),
        "copies": SettingKind(type=bool, stage=Stage.LOAD),
    }

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        own = super().loss(loaded, job)
        size, error = float(job.settings.get("noise", 0.0)), float(job.settings.get("error", 0.0))
        steps = mx.array([SystemRandom().gauss(0.0, size) for _ in range(64)])

        def noisy(model: Any, batch: Any, lengths: Any) -> tuple[Any, Any]:
            value, tokens = own(model, batch, lengths)
            drawn = steps[batch[:, 1:5].sum() % 64]  # another one for every batch, in a compiled step too
            return value * (1 + drawn + error), tokens

        return noisy

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Trains a copy of the model, where that is asked for: the model that the caller has stays as it was."""
        trained = replace(loaded, model=deepcopy(loaded.model)) if job.settings.get("copies") else loaded
        super().train(trained, job, tap)
