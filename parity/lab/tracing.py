"""Traces a training that nobody has prepared: of a command, or of the script that runs."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim

from parity.errors import ParityError
from parity.lab.provenance import provenance
from parity.lab.replay.observer import Observer
from parity.lab.tap import Tap
from parity.trace.file import TraceWriter
from parity.trace.folder import check_empty, trace_file
from parity.trace.values import Ending, Header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_RANKS = ("MLX_RANK", "OMPI_COMM_WORLD_RANK")
"""Which of several processes this is, as `mlx.launch` and MPI say it."""


class Enough(SystemExit):
    """As many steps as were asked for: ends the process as `sys.exit(0)` does, which no trainer takes for a failure."""

    code = 0


@contextmanager
def traced(folder: str | Path, *, steps: int | None = None) -> Iterator[None]:
    """Traces the training within the context, as `parity trace` traces a command.

    Args:
        folder: gets `trace.jsonl`, or `trace-0.jsonl` and so on where there are several ranks; made if it is missing.
        steps: ends the block after so many updates; None for all that it takes.

    Raises:
        ParityError: the folder holds a trace already, or the installed MLX is too old.

    """
    path = Path(folder).absolute()
    check_empty(path)
    tracing = Tracing(path, sys.orig_argv, steps)
    why = ""
    try:
        with tracing.tap.installed():
            yield
    except Enough as enough:
        if enough.args != (tracing,):
            raise
    except BaseException as error:
        why = _said(error)
        raise
    finally:
        tracing.end(why)


def begin(asked: Mapping[str, Any], note: Callable[[str, str], None]) -> None:
    """Traces the rest of this process; `parity/trainers/command/sitecustomize.py` calls it.

    Args:
        asked: `out`, a folder; `command`; `steps`, or null.
        note: tells the process that runs the command why nothing is recorded: ("why", text).

    Raises:
        ParityError: the installed MLX is too old.

    """

    def end_first() -> None:
        """What was registered last runs first: a library may clear MLX's streams at exit, as mlx-vlm does."""
        atexit.unregister(end)
        atexit.register(end)

    tracing = Tracing(Path(asked["out"]), asked["command"], asked["steps"], end_first)
    installed = ExitStack()
    installed.enter_context(tracing.tap.installed())

    def end() -> None:
        _ = installed  # what nobody holds would be undone
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        if why := tracing.end("" if error is None else _said(error)):
            note("why", why)

    end_first()


class Tracing:
    """One trace of this process."""

    def __init__(
        self, folder: Path, command: Sequence[str], steps: int | None, opened: Callable[[], None] = lambda: None
    ) -> None:
        """Creates a trace that has no file yet.

        Args:
            folder: where the file will be.
            command: what runs.
            steps: ends the process after so many updates.
            opened: called when there is a file.

        Raises:
            ParityError: the installed MLX is too old.

        """
        if not hasattr(optim.Optimizer, "apply_gradients") or not hasattr(mx, "async_eval"):
            raise ParityError(
                f"MLX {getattr(mx, '__version__', '')} is too old: its optimizers have no apply_gradients"
            )
        rank = next((os.environ[name] for name in _RANKS if name in os.environ), None)
        self._writer = _Late(trace_file(folder, rank), command, steps, opened)
        self._ended = False
        limits = [] if steps is None else [_Limit(self, steps)]
        self.tap = Tap(self._writer, loaded=None, passes=None, reports=False, observers=limits)

    def end(self, why: str) -> str:
        """Ends the trace.

        Args:
            why: what ended the training early; empty if nothing did.

        Returns:
            Why there is no trace, or none that is complete; empty if there is one.

        """
        if self._ended or not self._writer.is_ours:
            return ""
        self._ended = True
        try:
            self.tap.finish()
        except Exception as error:  # noqa: BLE001 - whatever the tap could not follow
            why = why or _said(error)
        if self._writer.is_open:
            with self._writer:
                self._writer.close(Ending(complete=not why, why=why))
        return why


class _Late(TraceWriter):
    """Makes its file with the first row: a process that never trains leaves nothing, and hides no other one's trace."""

    def __init__(self, path: Path, command: Sequence[str], steps: int | None, opened: Callable[[], None]) -> None:
        self._path = path
        self._opened = opened
        self._command = list(command)
        self._asked = steps
        self._ended = False
        self._owner = 0

    @property
    def is_open(self) -> bool:
        """Whether there is a file."""
        return self._owner != 0

    @property
    def is_ours(self) -> bool:
        """Whether this process may write: the file is not the one of the process that it was forked from."""
        return self._owner in {0, os.getpid()}

    def _write(self, kind: str, row: dict[str, Any]) -> None:
        if not self.is_ours:
            raise ParityError("this process was forked from one that is traced; it is not traced itself")
        if not self.is_open:
            if kind == "end":
                raise ParityError("it took no step that MLX's optimizers know of")
            self._make()
        super()._write(kind, row)

    def _make(self) -> None:
        header = Header(
            probe="",
            arm="",
            seed=None,
            steps=self._asked or 0,
            declared={"provider": "command", "command": self._command},
            provenance=provenance(()),
        )
        self._owner = os.getpid()
        try:
            super().__init__(self._path, header)
        except FileExistsError:
            self._owner = 0
            raise ParityError(f"another process of it was traced to {self._path.name} before") from None
        self._opened()


class _Limit(Observer):
    """Ends the process after so many steps."""

    def __init__(self, tracing: Tracing, steps: int) -> None:
        self._tracing = tracing
        self._steps = steps

    def waits_for(self, step: int) -> bool:
        """Only for the last."""
        return step >= self._steps

    def after_step(self, step: int, _model: Any, _optimizer: Any, _whole: Mapping[str, Any]) -> None:
        """Raises Enough with the last one."""
        if step < self._steps:
            return
        self._tracing.end("")
        if threading.current_thread() is threading.main_thread():
            raise Enough(self._tracing)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # what a thread raises ends that thread alone


def _said(error: BaseException) -> str:
    text = str(error) if isinstance(error, ParityError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())
