"""Every canary, by name. Importing this imports no trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries import (
    adapt,
    batch,
    clip,
    forward,
    gradient,
    harmless,
    load,
    loss,
    misreports,
    save,
    schedule,
    sized,
    update,
)
from parity.canaries.canary import CANARIES, GRADED, Canary, Graded
from parity.errors import BadProbeError, nearest
from parity.metrics import Stage
from parity.trainers.protocol import CANARY_PREFIX

if TYPE_CHECKING:
    from types import ModuleType

ROOMS: tuple[ModuleType, ...] = (
    load,
    adapt,
    batch,
    forward,
    loss,
    gradient,
    clip,
    schedule,
    update,
    save,
    misreports,
    harmless,
    sized,
)
"""Importing them fills the catalogue."""

_FLOW = [*Stage, None]


def canaries() -> tuple[Canary, ...]:
    """All canaries, in the order of the flow, harmless ones last."""
    return tuple(sorted(CANARIES.values(), key=lambda each: _FLOW.index(each.stage)))


def graded() -> tuple[Graded, ...]:
    """All changes whose size can be chosen."""
    return tuple(GRADED.values())


def find(name: str) -> Canary:
    """The canary of this name.

    Raises:
        BadProbeError: there is no such canary.

    """
    if name not in CANARIES:
        raise BadProbeError(f"unknown canary {name!r}; {nearest(name, CANARIES)}")
    return CANARIES[name]


def changed_provider(name: str) -> Any:
    """The provider of `canary/<name>`, or of `canary/<name>@<k>` for a fault of the size 2⁻ᵏ.

    Raises:
        BadProbeError: there is no such canary.

    """
    name, _, size = name.removeprefix(CANARY_PREFIX).partition("@")
    if size and name in GRADED:
        return GRADED[name].make(int(size))
    return find(name).make()
