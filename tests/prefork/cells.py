"""A Python for cells that has the tokenizers and the hub's client in memory already, and no MLX and no trainer.

Importing those two takes half the time of a cell of two steps, and a hundred and fifty of them are trained by these
tests. So a cell is a fork of a process that has them: with its own environment, descriptors, session, exit status and
end by a signal. What is not `-P -m parity...`, or would be read at that import and differs, gets a new interpreter.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

ENVIRONMENT = dict(os.environ)
"""As it was before a trainer was imported here: they leave variables of their own behind."""
_MOST = 1 << 18

_PYTHON = """#!{python} -IS
import sys
sys.path.append({folder!r})
from interpreter import main
main({address!r}, {read!r})
"""


@cache
def warm_python() -> Path:
    """An interpreter to start cells with, as long as this process lives; the plain one where forks are not safe."""
    if sys.platform != "linux":
        return Path(sys.executable)
    from tests.prefork.interpreter import read_at_import  # this file is run too, where there is no `tests`

    folder = Path(tempfile.mkdtemp(prefix="parity-warm-"))
    address, python = folder / "socket", folder / "python"
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-P", __file__, str(address)]
    keeper = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(keeper.communicate)
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"warm\n"
    read = read_at_import(ENVIRONMENT)
    text = _PYTHON.format(python=sys.executable, folder=str(Path(__file__).parent), address=str(address), read=read)
    python.write_text(text, encoding="utf-8")
    python.chmod(0o755)
    return python


def _keep(address: str) -> None:
    """Lends this process until its standard input ends."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: F401 - each is imported when it is named

    assert not {"mlx", "mlx_lm", "unsloth_zoo", "parity"} & set(sys.modules)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door, selectors.DefaultSelector() as waiting:
        door.bind(address)
        door.listen()
        sys.stdout.write("warm\n")
        sys.stdout.flush()
        for each in (door, sys.stdin):
            waiting.register(each, selectors.EVENT_READ)
        while sys.stdin not in [key.fileobj for key, _ in waiting.select()]:
            asking, _ = door.accept()
            if not os.fork():
                break
            asking.close()
        else:
            return
    _lend(asking)


def _lend(asking: socket.socket) -> None:
    """Becomes what was asked for, in a fork of its own whose end is told."""
    message, descriptors, *_ = socket.recv_fds(asking, _MOST, 64)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    cell = os.fork()
    if cell:
        for each in descriptors:
            os.close(each)
        asking.send(str(cell).encode())
        ended = os.waitstatus_to_exitcode(os.waitpid(cell, 0)[1])
        with suppress(ProcessLookupError):
            os.killpg(cell, signal.SIGKILL)  # which whoever started it could only do to the process that stands in
        asking.send(str(ended).encode())
        os._exit(0)
    asking.close()
    asked = json.loads(message)
    os.setsid()
    os.chdir(asked["folder"])
    for number, each in enumerate(descriptors[:3]):
        os.dup2(each, number)
        os.close(each)
    for each in descriptors[3:]:
        os.set_inheritable(each, True)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    module, *sys.argv[1:] = asked["words"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _keep(sys.argv[1])
