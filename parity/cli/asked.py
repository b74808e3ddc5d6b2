"""What commands that run probes check in common before anything is run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import BadProbeError, BadResultError, ParityError

GOLDENS = Path("fixtures/golden")
"""Where goldens are kept unless a command is told otherwise."""

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from rich.console import Console

    from parity.gate import RunResult
    from parity.probe.values import Probe


def checked_probe(path: Path, overrides: Sequence[str]) -> Probe:
    """Reads one probe and checks its providers.

    Raises:
        BadProbeError: one line that names the file.

    """
    from parity.probe.file import read_probe
    from parity.trainers.registry import check_providers

    probe = read_probe(path, overrides)
    try:
        check_providers(probe)
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
            complaints.append(f"{path}: another probe of this run is called {probe.name!r} too; rename one")
        checked.append(probe)
    if complaints:
        raise BadProbeError("\nparity: ".join(complaints))
    return checked


def seeds_asked(seeds: str | None) -> list[str]:
    """`--seeds 1,42` as `--set`, so that both are checked alike; nothing where it was not said."""
    words = [] if seeds is None else [word.strip() for word in seeds.split(",")]
    if not all(word.isdecimal() for word in words):
        raise ParityError(f"--seeds {seeds}: write whole numbers, as in 1,42")
    return [f"workload.seeds=[{', '.join(words)}]"] if words else []


def kept_in(folder: Path, probe: Probe, *more: object) -> Path:
    """A folder of its own for a probe under the installed releases: runs of other ones are not taken for these.

    Args:
        folder: where it is made.
        probe: as it is run.
        more: what else must not be mixed; a word is part of the name.

    """
    from parity.checkouts import digest
    from parity.probe.sources import is_path
    from parity.probe.values import ArmName, to_plain

    installed = sorted({f"{each.name} {each.version}" for each in distributions()})
    workloads = [probe.workload_of(arm) for arm in (ArmName.REFERENCE, ArmName.CANDIDATE)]
    rows = [(Path(workload.data) / "train.jsonl").read_text(encoding="utf-8") for workload in workloads]
    sources = [digest(Path(pin)) for pin in probe.environment.values() if is_path(pin)]
    text = json.dumps([to_plain(probe), installed, rows, sources, *more], sort_keys=True)
    words = [probe.name.replace("/", "-"), *(word for word in more if isinstance(word, str))]
    return folder / "-".join([*words, hashlib.blake2b(text.encode(), digest_size=4).hexdigest()])


def cells(console: Console, jobs: int) -> Callable[[Sequence[Probe], Path], RunResult]:
    """Runs probes as `parity run` does, shown on a console.

    Raises:
        KeyboardInterrupt: the user stopped it.

    """
    from parity.report.live import Live
    from parity.sweep import run_probes

    def run(probes: Sequence[Probe], into: Path) -> RunResult:
        with Live(console, len(probes)) as live:
            result = run_probes(probes, into, jobs=jobs, watch=live, say=live.say)
        if result.interrupted:
            raise KeyboardInterrupt
        return result

    return run


def stored(run: Path) -> RunResult:
    """A run that was kept: a folder, judged again from its traces, or the file of its results.

    Raises:
        BadTraceError: not the folder of a run, or of another schema.
        BadResultError: not the results of a run, of another schema, or contradicting themselves.

    """
    from parity.canaries.catalogue import find
    from parity.resultfile import read_result
    from parity.rundir import read_run
    from parity.scoreboard.board import read_handful

    if not run.is_file():
        return replace(read_run(run), canaries=read_handful(run, find))
    try:
        return read_result(run.read_text(encoding="utf-8"), find)
    except (OSError, UnicodeDecodeError) as error:
        raise BadResultError(f"{run}: cannot be read ({error})") from None
    except BadResultError as error:
        raise BadResultError(f"{run}: {error}") from None


def check_json(name: str | None) -> None:
    """Raises ParityError where `--json` names a folder that is not there: said before the runs, not after."""
    if name not in {None, "-"} and not Path(str(name)).absolute().parent.is_dir():
        raise ParityError(f"--json {name}: no such folder")


def write_json(name: str, text: str) -> None:
    """Writes to a file, or to standard output for `-`."""
    if name == "-":
        click.echo(text)
        return
    try:
        Path(name).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ParityError(f"--json {name}: cannot be written ({error.strerror})") from None


def stop(_signal: int, _frame: FrameType | None) -> None:
    """A SIGTERM is an interrupt: cells end their traces."""
    raise KeyboardInterrupt
