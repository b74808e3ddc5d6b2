"""One process of the lab: a module of this package, in the environment that a probe pins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import parity
from parity.errors import UnavailableError
from parity.runner.environments import interpreter
from parity.runner.kernels import kernel_slot, missing_compiler, precompile_preamble
from parity.trace.cell import SPECIFICATION, note_out_of_time
from parity.trainers.registry import distributions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from parity.probe.values import Probe

_PATIENCE = 5.0
_POLL = 0.1


class LabProcess:
    """A module that reads a specification and writes into a folder; its output goes to a log there."""

    def __init__(
        self,
        module: str,
        specification: Mapping[str, Any],
        folder: Path,
        *,
        log: str,
        python: Path,
        lab: Path,
        seconds: float,
    ) -> None:
        """Starts the process.

        Args:
            module: run as `python -m`, with the specification's file and the folder as arguments.
            specification: JSON types.
            folder: created if it is missing.
            log: the name of the file in it that gets standard output and standard error.
            python: the interpreter, as `interpreter_of` finds it.
            lab: the folder that `lab` provides.
            seconds: how long it may take.

        """
        self._folder, self._name, self._seconds, self._started = folder, log, seconds, time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / SPECIFICATION
        file.write_text(json.dumps(specification), encoding="utf-8")
        pinned = bool(specification["probe"]["environment"])
        with ExitStack() as held:
            self._slot = held.enter_context(kernel_slot())
            output = held.enter_context((folder / log).open("wb"))
            self._process = subprocess.Popen(
                [str(python), "-P", "-m", module, str(file), str(folder)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(lab, self._slot.folder, pinned=pinned),
                pass_fds=(self._slot.lock,),
                start_new_session=True,  # Ctrl-C reaches only us, and we stop the processes
            )
            self._held = held.pop_all()

    def ended(self) -> int | None:
        """The exit status, negative for a signal, once it has ended or its time is over; call it no more then."""
        code = self._process.poll()
        if code is None and time.monotonic() - self._started > self._seconds:
            note_out_of_time(self._folder, self._name)
            self._kill()
            code = self._process.wait()
        if code is not None:
            self._kill()
            if code >= 0:
                self._slot.keep_kernels()
            self._release()
        return code

    def ask_to_stop(self) -> None:
        """Asks it to stop, which lets it finish what it writes."""
        self._process.terminate()

    def stop(self) -> None:
        """Waits for it to end, and kills it if it does not."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._kill()
        self._process.wait()
        self._release()

    def _kill(self) -> None:
        """Kills it and what it started: a trainer's own processes, and compilers."""
        with suppress(ProcessLookupError, PermissionError):  # macOS denies it where only a zombie is left
            os.killpg(self._process.pid, signal.SIGKILL)

    def _release(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._held.close()


def interpreter_of(probe: Probe, say: Callable[[str], None]) -> Path:
    """The Python that runs a probe's cells; its environment is built if it is not cached.

    Args:
        probe: a checked probe.
        say: called with a line about what takes time.

    Raises:
        UnavailableError: no compiler, or an environment that cannot be installed.

    """
    if complaint := missing_compiler():
        raise UnavailableError(complaint)
    python = interpreter(probe.environment, distributions_of(probe), say)
    pinned = map(str, python.parents[1].glob("lib/python3*/site-packages"))
    precompile_preamble([*pinned] if probe.environment else sys.path)
    return python


@contextmanager
def lab() -> Iterator[Path]:
    """A folder with this package and nothing else, for the path of an environment that lacks it."""
    with tempfile.TemporaryDirectory(prefix="parity-lab-") as folder:
        (Path(folder) / "parity").symlink_to(Path(parity.__file__).parent, target_is_directory=True)
        yield Path(folder)


def _environment(lab: Path, slot: Path, *, pinned: bool) -> dict[str, str]:
    """Our environment variables, without those that would lead out of a pinned environment."""
    ours = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    paths = [str(lab), *([] if pinned else filter(None, [os.environ.get("PYTHONPATH")]))]
    return ours | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "TMPDIR": str(slot)}
