"""Runs a command as it is, traced from inside: nothing is installed beside it, and what it prints is its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import parity
from parity.errors import NotKeptError, ParityError, shortened
from parity.jsonfloat import dumps
from parity.trace.file import read_trace
from parity.trace.folder import check_empty, traces_in
from parity.trace.values import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.trace.values import Trace

_HOOK = Path(__file__).with_name("sitecustomize.py")


@dataclass(frozen=True, kw_only=True)
class Traced:
    """What came of a command."""

    status: int
    """Its own exit status; 128 and the signal's number if it was killed."""
    traces: Mapping[Path, Trace]
    """By file; none if it took no step."""
    why: str
    """Why there is no trace; empty if there is one."""


Start = Callable[[Sequence[str], Mapping[str, str]], int]
"""Runs a command in an environment of variables: its exit status, negative for a signal."""


def run_traced(
    command: Sequence[str],
    folder: Path,
    steps: int | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    start: Start | None = None,
) -> Traced:
    """Runs a command and traces whatever trains in it.

    Args:
        command: a program and its arguments; found as a shell finds it.
        folder: gets the traces; made if it is missing, and removed again if nothing was traced.
        steps: the process that trains ends after so many updates; None for all that it takes.
        variables: the environment of the command; None: that of this process.
        start: runs it; None: as a child that gets our interrupts.

    Raises:
        ParityError: there is no such command, or the folder holds a trace already.
        NotKeptError: the folder cannot be made.

    """
    variables = os.environ if variables is None else variables
    if shutil.which(command[0], path=variables.get("PATH")) is None:
        raise ParityError(f"{shortened(command[0])}: no such command{_hint(command[0])}")
    check_empty(folder)
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotKeptError(f"{folder}: cannot be made ({error.strerror})") from None
    with tempfile.TemporaryDirectory(prefix="parity-trace-") as scratch:
        status = (start or _run)(command, {**variables, **_prepared(Path(scratch), command, folder, steps, variables)})
        said = _notes(Path(scratch, "notes"))
    ended = f"it was killed by {signal.Signals(-status).name}" if status < 0 else "its process ended without a word"
    traces = {path: _ended(path, ended) for path in traces_in(folder).values()}
    if made and not traces:
        with suppress(OSError):
            folder.rmdir()
    status = 128 - status if status < 0 else status
    return Traced(status=status, traces=traces, why="" if traces else _why(said, status))


def _hint(word: str) -> str:
    return f"; write: python {word}" if word.endswith(".py") and Path(word).exists() else ""


def _prepared(
    scratch: Path, command: Sequence[str], folder: Path, steps: int | None, variables: Mapping[str, str]
) -> dict[str, str]:
    """What is new in the environment of the command: its Python finds the hook first, the hook alone the package."""
    site, package, notes = (scratch / name for name in ("site", "package", "notes"))
    for each in (site, package, notes):
        each.mkdir()
    shutil.copy(_HOOK, site)
    (package / "parity").symlink_to(Path(parity.__file__).absolute().parent, target_is_directory=True)
    asked = {
        "out": str(folder.absolute()),
        "command": list(command),
        "steps": steps,
        "notes": str(notes),
        "package": str(package),
    }
    path = os.pathsep.join(filter(None, [str(site), variables.get("PYTHONPATH", "")]))
    return {"PYTHONPATH": path, "PARITY_TRACE": json.dumps(asked)}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    process = subprocess.Popen(command, env=environment)
    with _left_to(process):
        return process.wait()


@contextmanager
def _left_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leaves an interrupt to the command, which gets it too, and passes on a request to end."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _notes(folder: Path) -> dict[str, str]:
    """What the processes of the command said, by kind; one of each."""
    return {path.suffix.removeprefix("."): path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def _why(said: Mapping[str, str], status: int) -> str:
    if said.get("why"):
        return said["why"]
    if "mlx" in said:
        early = f"; it ended with status {status}" if status else ""
        return f"it imports MLX, and took no step with MLX's optimizers{early}"
    return "it never imports MLX, or is a Python that ignores PYTHONPATH (-I, -E)"


def _ended(path: Path, why: str) -> Trace:
    """Reads a trace back; one whose process could not end it gets its ending here."""
    text = path.read_text(encoding="utf-8")
    last = text.rstrip("\n").rpartition("\n")[2]
    if not last.startswith('{"kind": "ending"'):
        whole = text[: text.rfind("\n") + 1]
        ending = dumps({"kind": "ending"} | asdict(Ending(complete=False, why=why)))
        path.write_text(whole + ending + "\n", encoding="utf-8")
    return read_trace(path)
