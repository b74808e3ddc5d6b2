"""What cells read that is not in their plan: this package, data sets, models, checkouts, and the files of commands."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import parity
from parity.errors import ParityError
from parity.probe.inputs import is_folder
from parity.probe.sources import is_path
from parity.probe.values import BOTH_ARMS
from parity.runner.checkouts import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.probe.values import Probe

CODE = "parity"
"""The name of this package's own code among the inputs."""


def inputs_of(probes: Iterable[Probe]) -> dict[str, str]:
    """By path, a digest of everything outside of the plan that the cells of these probes read.

    A model of the hub is not among them: the plan has its commit. Neither are installed releases: traces have them.

    Raises:
        ParityError: a part cannot be read.

    """
    paths = dict.fromkeys(path for probe in probes for path in _paths(probe))
    return {CODE: _digest(Path(parity.__file__).parent)} | {str(path): _digest(path) for path in paths}


def _paths(probe: Probe) -> Iterator[Path]:
    yield from (Path(pin) for pin in probe.environment.values() if is_path(pin))
    for name in BOTH_ARMS:
        workload, arm = probe.workload_of(name), probe.arm(name)
        yield Path(workload.data, "train.jsonl")
        if is_folder(workload.model):
            yield from sorted(path for path in Path(workload.model).iterdir() if path.is_file())
        named = (Path(arm.directory, word) for word in arm.command)
        yield from (path for path in named if path.is_file())


def _digest(path: Path) -> str:
    try:
        if path.is_dir():
            return digest(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    except OSError as error:
        raise ParityError(f"{path}: cannot be read ({error.strerror})") from None
