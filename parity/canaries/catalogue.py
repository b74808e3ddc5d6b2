"""Every canary, by name. Importing it imports no trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.canaries import schedule
from parity.canaries.canary import CANARIES, GRADED, PREFIX, Canary, Graded
from parity.errors import BadProbeError, nearest

if TYPE_CHECKING:
    from types import ModuleType

STAGES: tuple[ModuleType, ...] = (schedule,)
"""Importing them fills the catalogue, in the order of the flow."""


def canaries() -> tuple[Canary, ...]:
    """All of them."""
    return tuple(CANARIES.values())


def graded() -> tuple[Graded, ...]:
    """All changes whose size can be chosen."""
    return tuple(GRADED.values())


def find(name: str) -> Canary:
    """One of them.

    Raises:
        BadProbeError: there is no such canary.

    """
    if name not in CANARIES:
        raise BadProbeError(f"unknown canary {name!r}; {nearest(name, CANARIES)}")
    return CANARIES[name]


def changed_provider(name: str) -> Any:
    """The provider of `canary/<name>` or, of a size, `canary/<name>@<k>`.

    Raises:
        BadProbeError: there is no such canary.

    """
    name, _, size = name.removeprefix(PREFIX).partition("@")
    if size and name in GRADED:
        return GRADED[name].make(int(size))
    return find(name).make()
