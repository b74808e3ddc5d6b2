"""What commands that run probes check in common before anything is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import BadProbeError, ParityError

GOLDENS = Path("fixtures/golden")
"""Where goldens are kept unless a command is told otherwise."""

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

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


def seeds_override(seeds: str | None) -> list[str]:
    """`--seeds` is `--set` in short, so that it is checked alike."""
    if seeds is None:
        return []
    words = [word.strip() for word in seeds.split(",")]
    if not all(word.isdecimal() for word in words):
        raise ParityError(f"--seeds {seeds}: write whole numbers, as in 1,42")
    return [f"workload.seeds=[{', '.join(words)}]"]


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
