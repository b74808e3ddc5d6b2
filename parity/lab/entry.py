"""The entry point of the lab's processes: reads the task, can be stopped, and ends with its parent."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from parity.errors import ParityError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

STOP = "stopped from outside"


stopped = threading.Event()


def _end_with_parent() -> None:
    """Ends this process and those that it started when the parent is gone for any reason: its pipe closes then.

    The pipe comes as standard input, which is empty from then on: a trainer that reads it does not wait.
    """
    pipe, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        os.read(pipe, 1)
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    stopped.set()
    raise KeyboardInterrupt(STOP)


def answer(run: Callable[[dict[str, Any], Path], bool]) -> int:
    """Reads the specification that `parity.runner.process` wrote, and runs it; the results are in the folder.

    Paths are absolute from here on, since a trainer may change the working directory.
    """
    specification, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    signal.signal(signal.SIGTERM, _interrupted)
    _end_with_parent()
    try:
        return 0 if run(json.loads(specification.read_text(encoding="utf-8")), folder) else 1
    except ParityError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the process's log
        return 1
