"""What several commands do alike: check what they are asked, run cells on a console, write JSON."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import BadProbeError, NotKeptError, ParityError, shortened
from parity.files import is_folder, write_whole

GOLDENS = Path("fixtures/golden")
"""Where goldens are kept unless a command is told otherwise."""

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


def checked_probe(path: Path, overrides: Sequence[str]) -> Probe:
    """Reads one probe and checks its providers.

    Raises:
        BadProbeError: one line that names the file.

    """
    from parity.probe.file import read_probe
    from parity.trainers.registry import check_providers
    from parity.trainers.rest import rest

    probe = read_probe(path, overrides)
    try:
        check_providers(probe)
        rest(probe)
    except BadProbeError as error:
        raise BadProbeError(f"{path}: {error}") from None
    return probe


def checked_probes(paths: Sequence[Path], overrides: Sequence[str]) -> list[Probe]:
    """All probes of files and folders, checked before any is run.

    Raises:
        BadProbeError: each bad one is a line of its own.

    """
    from parity.probe.file import find_probes

    checked: list[Probe] = []
    complaints: list[str] = []
    for path in find_probes(paths):
        try:
            probe = checked_probe(path, overrides)
        except BadProbeError as error:
            complaints.append(str(error))
            continue
        if probe.name in {other.name for other in checked}:
            complaints.append(f"{path}: another probe of this run is also called {probe.name!r}; rename one")
        checked.append(probe)
    if complaints:
        raise BadProbeError("\nparity: ".join(complaints))
    return checked


def asked_for(seeds: str | None, steps: int | None = None) -> list[str]:
    """`--seeds 1,42` and `--steps 5` as `--set`, so that all are checked alike; nothing where neither was said."""
    words = [] if seeds is None else [word.strip() for word in seeds.split(",")]
    if not all(word.isdecimal() for word in words):
        raise ParityError(f"--seeds {shortened(seeds)}: write whole numbers, as in 1,42")
    overrides = [f"workload.seeds=[{', '.join(words)}]"] if words else []
    return [*overrides, *([] if steps is None else [f"workload.steps={steps}"])]


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
