"""Commands as forks of a process that has imported the judge's libraries, in a fiftieth of a second instead of one."""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn, TypedDict


class Asked(TypedDict):
    """One call of `parity`."""

    arguments: list[str]
    environment: dict[str, str]
    python: str
    """What it takes for its interpreter."""
    to: list[str]
    """The files that its output and its errors go to."""


def run(asked: Asked) -> int:
    """Runs `parity` to its end.

    Returns:
        Its exit status; negative where a signal ended it.

    """
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(asked) + "\n")
    server.stdin.flush()
    return int(server.stdout.readline())


@cache
def _server() -> subprocess.Popen[str]:
    command, root = [sys.executable, "-P", __file__], Path(__file__).parents[2]
    server = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)
    return server


def _serve() -> None:
    """Runs the command of each line of its standard input, and answers with its exit status."""
    for name in ("jinja2", "pandas", "pydantic", "rich.console", "scipy.stats"):
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _become(asked: Asked) -> NoReturn:
    for number, name in enumerate([os.devnull, *asked["to"]]):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[:0] = [str(Path.cwd()), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["parity", *asked["arguments"]]
    sys.executable = asked["python"]
    signal.alarm(900)
    from parity.cli import main

    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        code = end.code or 0
        assert isinstance(code, int)
        os._exit(code)
    finally:
        os._exit(70)


if __name__ == "__main__":
    _serve()
