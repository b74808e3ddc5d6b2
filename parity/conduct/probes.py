"""Reads the probes that are asked for, and checks each with its providers before any is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.errors import BadProbeError, ParityError, shortened
from parity.probe.file import find_probes, read_probe
from parity.trainers.registry import check_providers
from parity.trainers.rest import rest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from parity.probe.values import Probe


def checked_probe(path: Path, overrides: Sequence[str]) -> Probe:
    """Reads one probe and checks its providers.

    Raises:
        BadProbeError: one line that names the file.

    """
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
