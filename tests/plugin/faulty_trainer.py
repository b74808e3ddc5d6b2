"""A package of somebody else's that brings a provider: mlx-lm's loop, with one known fault a run.

It is found through its entry point alone, as any third-party provider is.
"""

from __future__ import annotations

import atexit
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np
from mlx import nn
from mlx.utils import tree_map, tree_map_with_path

from parity.trainers.mlx_lm.loop import MlxLmLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.tap import Tap
    from parity.trainers.protocol import Job, Loaded, SettingTypes


class Faulty(MlxLmLoop):
    settings: ClassVar[SettingTypes] = {"fault": str}

    def load(self, job: Job) -> Loaded:
        loaded = super().load(job)
        if job.settings["fault"] == "weights in float16":
            loaded.model.set_dtype(mx.float16)
        return loaded

    def adapt(self, loaded: Loaded, job: Job) -> None:
        lora = job.workload.lora
        if job.settings["fault"] == "one layer fewer":
            lora = replace(lora, layers=lora.layers - 1)
        super().adapt(loaded, replace(job, workload=replace(job.workload, lora=lora)))
        if job.settings["fault"] == "lora_b not zero":
            changed = tree_map_with_path(
                lambda name, leaf: leaf + 1e-8 if name.endswith("lora_b") else leaf,
                loaded.model.trainable_parameters(),
            )
            loaded.model.update(changed)

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        fault = job.settings["fault"]
        if fault == "one step fewer":
            job = replace(job, workload=replace(job.workload, steps=job.workload.steps - 1))
        if fault == "other batch order":
            np.random.seed(job.seed + 1)
        if fault == "dies at its end":
            atexit.register(os.kill, os.getpid(), signal.SIGSEGV)
        if fault == "leaves a patch behind":
            _leave_a_patch()
        with _FAULTS.get(str(fault), nullcontext)(tap):
            super().train(loaded, job, tap)


def _leave_a_patch() -> None:
    call = nn.Linear.__call__
    nn.Linear.__call__ = lambda self, x: call(self, x) * 1.5


def _optimizer(_tap: Tap, **changed: Any) -> AbstractContextManager[Any]:
    def make(*_: Any) -> optim.Optimizer:
        arguments = {"learning_rate": 1e-3, "weight_decay": 0.0, "bias_correction": True}
        return optim.AdamW(**arguments | changed)

    return patch.object(MlxLmLoop, "optimizer", make)


def _received(scale: float) -> Callable[[Tap], AbstractContextManager[Any]]:
    class Scaled(optim.AdamW):  # type: ignore[misc]
        def update(self, model: Any, gradients: Any) -> None:
            super().update(model, tree_map(lambda leaf: leaf * mx.array([scale]), gradients))

    return lambda _tap: patch.object(
        MlxLmLoop,
        "optimizer",
        lambda *_: Scaled(learning_rate=1e-3, weight_decay=0.0, bias_correction=True),
    )


def _loss(change: Callable[[Any, Any], Any]) -> Callable[[Tap], AbstractContextManager[Any]]:
    from mlx_lm.tuner.trainer import default_loss

    def changed(model: Any, batch: Any, lengths: Any) -> Any:
        return change(*default_loss(model, batch, lengths))

    return lambda _tap: patch("mlx_lm.tuner.trainer.default_loss", changed)


def _at_step_2(act: Callable[[], None]) -> Callable[[Tap], AbstractContextManager[Any]]:
    def start(tap: Tap) -> AbstractContextManager[Any]:
        end_of_step, seen = tap.end_of_step, iter((False, True))

        def ends(reported: Any) -> None:
            end_of_step(reported)
            if next(seen, False):
                act()

        return patch.object(tap, "end_of_step", ends)

    return start


def _raise() -> None:
    raise RuntimeError("the trainer has had enough")


_FAULTS: dict[str, Callable[[Tap], AbstractContextManager[Any]]] = {
    "learning rate x 1.01": lambda tap: _optimizer(tap, learning_rate=1.01e-3),
    "no bias correction": lambda tap: _optimizer(tap, bias_correction=False),
    "gradient x (1 + 2^-10)": _received(1 + 2**-10),
    "loss of the batch, not of its tokens": _loss(lambda loss, tokens: (loss * tokens / 6, tokens)),
    "loss is NaN": _loss(lambda loss, tokens: (loss * float("nan"), tokens)),
    "one token more in the denominator": _loss(lambda loss, tokens: (loss, tokens + 1)),
    "killed at step 2": _at_step_2(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    "raises at step 2": _at_step_2(_raise),
}
