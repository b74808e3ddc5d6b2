"""A package of somebody else's that brings a provider: mlx-lm's loop, which fails a cell in one way a run.

What it does to a step is little: known faults of steps are canaries.

It is found through its entry point alone, as any third-party provider is.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

import numpy as np
from mlx import nn

from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.protocol import SettingKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.trainers.protocol import Job, Loaded, SettingKinds, Tap


class Faulty(MlxLmLoop):
    settings: ClassVar[SettingKinds] = {"fault": SettingKind(type=str, stage=Stage.LOSS)}

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        fault = str(job.settings["fault"])
        if fault == "one step fewer":
            job = replace(job, workload=replace(job.workload, steps=job.workload.steps - 1))
        if fault == "dies at its end":
            atexit.register(os.kill, os.getpid(), signal.SIGSEGV)
        if fault in _BEFORE:
            _BEFORE[fault]()
        cell = Path(sys.argv[2])
        if fault in _PLACES:
            _take_the_place_of(cell / _PLACES[fault])
        with _FAULTS.get(fault, nullcontext)(tap):
            super().train(loaded, job, tap)


def _take_the_place_of(file: Path) -> None:
    """Nothing can be written to a file whose name is taken by a folder."""
    file.mkdir(exist_ok=True)


def _leave_a_thread() -> None:
    Thread(target=Event().wait).start()


def _leave_a_child() -> None:
    """Its id is left too, where the test that asked for it looks."""
    child = subprocess.Popen(["sleep", "3600"])
    Path(sys.argv[2], "child").write_text(str(child.pid))


def _read_standard_input() -> None:
    assert sys.stdin.read() == ""


def _patch_evaluation() -> None:
    nn.Module.eval = lambda self: self.train(True)


def _leave_a_patch() -> None:
    call = nn.Linear.__call__
    nn.Linear.__call__ = lambda self, x: call(self, x) * 1.5


def _loss(change: Callable[[Any, Any], Any]) -> Callable[[Tap], AbstractContextManager[Any]]:
    from mlx_lm.tuner.trainer import default_loss

    def changed(model: Any, batch: Any, lengths: Any) -> Any:
        return change(*default_loss(model, batch, lengths))

    return lambda _tap: patch("mlx_lm.tuner.trainer.default_loss", changed)


def _at_step_2(act: Callable[[], object]) -> Callable[[Tap], AbstractContextManager[Any]]:
    def start(tap: Tap) -> AbstractContextManager[Any]:
        end_of_step, seen = tap.end_of_step, iter((False, True))

        def ends(reported: Any) -> None:
            end_of_step(reported)
            if next(seen, False):
                act()

        return patch.object(tap, "end_of_step", ends)

    return start


def _hang() -> None:
    Event().wait()


def _raise() -> None:
    raise RuntimeError("the trainer has had enough")


def _raise_half_a_character() -> None:
    raise RuntimeError("half a character: \ud83d")


def _reports(loss: Any) -> Callable[[Tap], AbstractContextManager[Any]]:
    def start(tap: Tap) -> AbstractContextManager[Any]:
        end_of_step = tap.end_of_step
        return patch.object(tap, "end_of_step", lambda reported: end_of_step({**reported, "loss": loss}))

    return start


_BEFORE: dict[str, Callable[[], None]] = {
    "leaves a patch behind": _leave_a_patch,
    "leaves evaluation patched": _patch_evaluation,
    "leaves a thread": _leave_a_thread,
    "leaves a child": _leave_a_child,
    "reads standard input": _read_standard_input,
    "changes the folder": lambda: os.chdir("/"),
}

_PLACES = {
    "its exit status cannot be kept": "exit-status",
    "its control cannot be kept": "control.json",
    "the report cannot be kept": "../../../../report.html",
}
"""What cannot be written any more, seen from the folder of the cell."""

_FAULTS: dict[str, Callable[[Tap], AbstractContextManager[Any]]] = {
    "hangs at step 2": _at_step_2(_hang),
    "loss is NaN": _loss(lambda loss, tokens: (loss * float("nan"), tokens)),
    "killed at step 2": _at_step_2(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    "raises at step 2": _at_step_2(_raise),
    "draws once at step 2": _at_step_2(np.random.random),
    "raises half a character": _at_step_2(_raise_half_a_character),
    "reports text": _reports("1.5"),
    "reports a list": _reports([1.5]),
    "reports 10 to the 400": _reports(10**400),
}
