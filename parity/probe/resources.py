"""What this package brings along for probes, by name: workloads, a tiny model, data sets. Standard library only.

`extends = "mlx-parity:varied"` names the workload `varied`; `model` and `data` of a workload take such a name too.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from parity.errors import BadProbeError, shortened

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
PREFIX = "mlx-parity:"


class ResourceKind(StrEnum):
    """The kinds of resources; each has a folder of its own."""

    WORKLOAD = "workload"
    MODEL = "model"
    DATA = "data set"


_FOLDERS = {
    ResourceKind.WORKLOAD: RESOURCES / "workloads",
    ResourceKind.MODEL: RESOURCES / "models",
    ResourceKind.DATA: RESOURCES / "data",
}


def is_resource(name: str) -> bool:
    """Whether a probe's text names a resource, and not a path or a hub id."""
    return name.startswith(PREFIX)


def resource(kind: ResourceKind, name: str) -> Path:
    """The file of a workload, or the folder of a model or a data set.

    Args:
        kind: what is named.
        name: with its prefix, as in `mlx-parity:varied`.

    Raises:
        BadProbeError: there is none of this name; the message, which has no place yet, lists those that there are.

    """
    found = {path.stem: path for path in sorted(_FOLDERS[kind].iterdir(), key=lambda path: path.stem)}
    own = name.removeprefix(PREFIX)
    if own not in found:
        raise BadProbeError(f"{PREFIX} has no {kind} {shortened(repr(own))}; it has {', '.join(found)}")
    return found[own]
