"""Whether a reference still computes what its golden says, and so whether environment or trainer has moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from parity.judge.diff import Delta, Recording, diff, step_rows
from parity.judge.verdict import first_divergence
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.golden.values import Golden
    from parity.judge.verdict import FirstDivergence


class Moved(StrEnum):
    """Which of the two things that a gate watches has changed."""

    NEITHER = "neither"
    ENVIRONMENT = "environment"
    """The reference differs from its golden."""
    TRAINER = "trainer"
    """The candidate differs from the reference."""
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A release, a device or a compiler that has changed since a golden was recorded."""

    name: str
    then: str | None
    now: str | None

    def __str__(self) -> str:
        return f"{self.name} {self.then or 'unknown'} → {self.now or 'unknown'}"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One golden, compared with what the reference computes now."""

    at: FirstDivergence | None
    """Where the reference first differs from the golden, whose value is its `reference`; None: nowhere."""
    unequal: int
    compared: int
    problems: tuple[str, ...]
    """What cannot be compared, such as a NaN in both: never a pass."""
    changed: tuple[Changed, ...]

    @property
    def moved(self) -> bool:
        """Whether the reference differs from its golden."""
        return self.at is not None or bool(self.problems)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The references of a run, compared with their goldens."""

    decides: bool
    """Whether a reference that moved fails the run; if not, it is only reported."""
    platform: str
    drifts: Mapping[tuple[str, int], Drift]
    """By probe name and seed."""
    absent: tuple[tuple[str, int], ...]
    """Cells that have no golden on this platform: neither passed nor failed."""
    passed_over: tuple[str, ...] = ()
    """Goldens that could not be used, each with its reason; only if goldens do not decide."""

    @property
    def moved(self) -> tuple[tuple[str, int], ...]:
        """The cells whose reference differs from its golden."""
        return tuple(cell for cell, drift in self.drifts.items() if drift.moved)


def drift(then: Golden, now: Golden) -> Drift:
    """Compares a golden with what the reference computes now, to the bit."""
    delta = compared(then, now)
    at = first_divergence(delta.unequal)
    return Drift(
        at=None if at is None else replace(at, detail=""),
        unequal=len(delta.unequal),
        compared=len(delta.table),
        problems=tuple(str(problem) for problem in delta.problems),
        changed=_changed(then.environment, now.environment),
    )


def compared(then: Golden, now: Golden) -> Delta:
    """Compares every metric at every step; the golden takes the place of the reference."""
    return diff(_recording(then), _recording(now))


def which_moved(found: Drift, trainer: VerdictKind) -> Moved:
    """What has moved, from a golden and the verdict of the same cell; `invalid` does not mean a moved trainer."""
    differs = trainer is VerdictKind.DIVERGED
    if found.moved:
        return Moved.BOTH if differs else Moved.ENVIRONMENT
    return Moved.TRAINER if differs else Moved.NEITHER


def _recording(golden: Golden) -> Recording:
    return Recording(
        rows=step_rows(golden.steps),
        parameters={name: {"all": f"{of.tensors} tensors {of.digest}"} for name, of in golden.groups.items()},
    )


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[Changed, ...]:
    names = [*then, *(name for name in now if name not in then)]
    return tuple(
        Changed(name=name, then=then.get(name), now=now.get(name)) for name in names if then.get(name) != now.get(name)
    )
