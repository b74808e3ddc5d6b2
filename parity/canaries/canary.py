"""A canary as a value: one known fault in a real provider, and where it must be named.

A canary is written as a subclass of a provider that overrides one method of one stage. The first
line of its docstring tells the fault to readers of the scoreboard, and the name of its class is its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import getdoc
from typing import TYPE_CHECKING, Any, TypeVar

from parity.trainers.protocol import CANARY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.canaries.ground import Ground
    from parity.metrics import Stage

_Made = TypeVar("_Made", bound=type[Any])


@dataclass(frozen=True, kw_only=True)
class Canary:
    """One known change to a provider."""

    name: str
    fault: str
    on: Ground
    make: Callable[[], Any]
    """Creates the changed provider."""
    stage: Stage | None
    """The stage that must be named: the earliest at which the fault can show on its ground; None: it is harmless."""
    step: int | None
    """The first step at which it can show there; 0 is before training."""
    outlives: bool = False
    """Whether the change stays in the process after training, so that the reference must be trained again after it."""

    @property
    def harmless(self) -> bool:
        """Whether it changes no bit, by construction."""
        return self.stage is None

    @property
    def provider(self) -> str:
        """The provider name under which an arm runs it."""
        return CANARY_PREFIX + self.name


@dataclass(frozen=True, kw_only=True)
class Graded:
    """A change of a size that can be chosen: × (1 + 2⁻ᵏ)."""

    name: str
    effect: str
    on: Ground
    make: Callable[[int], Any]
    """k → the changed provider."""
    stage: Stage

    def provider(self, k: int) -> str:
        """The provider name under which an arm runs it."""
        return f"{CANARY_PREFIX}{self.name}@{k}"


CANARIES: dict[str, Canary] = {}
"""All canaries, by name."""

GRADED: dict[str, Graded] = {}


def canary(*, on: Ground, stage: Stage, step: int, outlives: bool = False) -> Callable[[_Made], _Made]:
    """Registers a provider with a fault."""

    def register(kind: _Made) -> _Made:
        _add(Canary(name=_name(kind), fault=_said(kind), on=on, make=kind, stage=stage, step=step, outlives=outlives))
        return kind

    return register


def harmless(*, on: Ground) -> Callable[[_Made], _Made]:
    """Registers a provider with a change that changes no bit."""

    def register(kind: _Made) -> _Made:
        _add(Canary(name=_name(kind), fault=_said(kind), on=on, make=kind, stage=None, step=None))
        return kind

    return register


def graded(*, on: Ground, stage: Stage) -> Callable[[_Made], _Made]:
    """Registers a provider with a fault of a size 2⁻ᵏ; it is created with k."""

    def register(kind: _Made) -> _Made:
        GRADED[_name(kind)] = Graded(name=_name(kind), effect=_said(kind), on=on, make=kind, stage=stage)
        return kind

    return register


def _add(made: Canary) -> None:
    if made.name in CANARIES:
        raise ValueError(f"two canaries are called {made.name!r}")
    CANARIES[made.name] = made


def _name(kind: type[Any]) -> str:
    """`RateOffByOneStep` → `rate-off-by-one-step`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


def _said(kind: type[Any]) -> str:
    return (getdoc(kind) or "").partition("\n")[0].rstrip(".")
