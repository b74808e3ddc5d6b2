"""What decides what a reference computes, as text: so a golden of a different workload can say what differs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import BadProbeError, UnreadableError
from parity.files import open_plain
from parity.golden.values import digest
from parity.probe.inputs import is_folder, read_rows
from parity.probe.values import ArmName, dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.probe.values import Probe

_READ_BY_A_LOADER = {".json", ".safetensors", ".model", ".jinja", ".txt"}


def asked(probe: Probe) -> dict[str, str]:
    """By dotted name, the settings of a probe's reference, its rows and its model; neither the seed nor releases.

    Raises:
        BadProbeError: rows, or a file of the model, that cannot be read.

    """
    arm, workload = probe.reference, probe.workload_of(ArmName.REFERENCE)
    words = asdict(workload) | {
        "provider": arm.provider,
        "stages": arm.stages,
        "settings": arm.settings,
        "keywords": arm.keywords,
        "model": _model(workload.model),
        "data": digest(json.dumps(row, sort_keys=True) for row in read_rows(Path(workload.data))),
    }
    del words["seeds"]
    return {name: _text(value) for name, value in dotted(words).items()}


def what_differs(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Everything that differs, each as `batch_size 6 → 4`."""
    names = [*then, *(name for name in now if name not in then)]
    nothing = "not there"
    return [
        f"{name} {then.get(name, nothing)} → {now.get(name, nothing)}"
        for name in names
        if then.get(name) != now.get(name)
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _model(model: str) -> str:
    """The digest of a folder's files, or the hub id itself, whose weights show in `base`."""
    if not is_folder(model):
        return model
    files = sorted(path for path in Path(model).iterdir() if path.suffix in _READ_BY_A_LOADER)
    return digest(f"{path.name} {_file(path)}" for path in files)


def _file(path: Path) -> str:
    try:
        with open_plain(path) as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except (UnreadableError, OSError) as error:
        raise BadProbeError(f"model {path.parent}: {path.name} cannot be read ({error})") from None
