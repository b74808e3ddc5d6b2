"""What several commands do alike: run cells on a console, read a stored run, write JSON."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import NotKeptError, ParityError
from parity.files import is_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from rich.console import Console

    from parity.gate.result import RunResult
    from parity.probe.values import Probe
    from parity.trace.cell import Run


def console_for(json_file: str | None = None) -> Console:
    """Where a command writes for a person; standard error, where JSON goes to standard output."""
    from rich.console import Console

    return Console(stderr=json_file == "-", highlight=False)


def cells(console: Console, jobs: int) -> Run:
    """Runs the cells of probes as `parity run` does, shown on a console.

    Raises:
        KeyboardInterrupt: the user stopped it.

    """
    from parity.cli.progress import Live
    from parity.runner.cells import run_cells

    def run(probes: Sequence[Probe], into: Path) -> None:
        with Live(console, sum(len(probe.workload.seeds) for probe in probes)) as live:
            run_cells(probes, into, jobs=jobs, watch=live, say=live.say)

    return run


def stored_run(run: Path) -> RunResult:
    """A run that was kept, with canaries by their names in our catalogue."""
    from parity.canaries.catalogue import find
    from parity.store.stored import stored

    return stored(run, find)


def check_json(name: str | None) -> None:
    """Raises ParityError where `--json` names a folder that is not there: said before the runs, not after."""
    if name not in {None, "-"} and not is_folder(Path(str(name)).absolute().parent):
        raise ParityError(f"--json {name}: no such folder")


def write_json(name: str, text: str) -> None:
    """Writes to a file, or to standard output for `-`.

    Raises:
        NotKeptError: the file cannot be written.

    """
    if name == "-":
        click.echo(text)
        return
    try:
        write_whole(Path(name), text + "\n")
    except OSError as error:
        raise NotKeptError(f"--json {name}: cannot be written ({error.strerror})") from None


def stop_on_sigterm() -> None:
    """Makes a SIGTERM an interrupt, so that cells end their traces."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
