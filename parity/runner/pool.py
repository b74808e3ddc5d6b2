"""Runs processes of the lab, several at a time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.runner.process import LabProcess, lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_POLL = 0.1


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process of the lab is given to do."""

    module: str
    """Run as `python -m`."""
    specification: Mapping[str, Any]
    folder: Path
    log: str
    """The name of a file in the folder."""
    python: Path
    seconds: float
    """How long it may take; then it is killed, and `parity.trace.cell` keeps that it was."""


def run_alone(task: Task) -> int:
    """Runs one process to its end.

    Returns:
        Its exit status, negative for a signal.

    Raises:
        OSError: it cannot be started.
        KeyboardInterrupt: from the user; the process is gone by then.

    """
    ((_, ended),) = run_all(deque([task]), jobs=1)
    if isinstance(ended, OSError):
        raise ended
    return ended


def run_all(
    waiting: deque[Task], *, jobs: int, look: Callable[[Task], None] = lambda _: None
) -> Iterator[tuple[Task, int | OSError]]:
    """Runs processes, `jobs` at a time.

    Args:
        waiting: taken from the left when a place is free; the caller can add more while iterating.
        jobs: processes at a time.
        look: called with every running task, about ten times a second.

    Yields:
        Each task as it ends, with its exit status, negative for a signal, or with why it could not be started.

    Raises:
        KeyboardInterrupt: from the user; the processes are gone by then.

    """
    running: dict[LabProcess, Task] = {}
    with lab() as path:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    task = waiting.popleft()
                    try:
                        running[_started(task, path)] = task
                    except OSError as error:
                        yield task, error
                for process in list(running):
                    look(running[process])
                    if (code := process.ended()) is not None:
                        yield running.pop(process), code
                time.sleep(_POLL)
        finally:
            for process in running:
                process.ask_to_stop()
            for process in running:
                process.stop()


def _started(task: Task, lab_folder: Path) -> LabProcess:
    return LabProcess(
        task.module,
        task.specification,
        task.folder,
        log=task.log,
        python=task.python,
        lab=lab_folder,
        seconds=task.seconds,
    )
