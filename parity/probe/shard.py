"""Shards: a plan dealt over machines, a share of its cells each. Pure: nothing is run or read here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parity.errors import ParityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.probe.values import Probe

_SPELLED = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One share of so many."""

    number: int
    """From 1."""
    of: int

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of}"


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """What a run that was merged from shards does not have."""

    of: int
    """Shards that the plan was dealt into."""
    missing: tuple[int, ...] = ()
    """Numbers of those that were not there."""
    incomplete: tuple[int, ...] = ()
    """Numbers of those that had not ended, or of which a cell had not."""


def read_shard(text: str) -> Shard:
    """`2/5`, as the command line spells it.

    Raises:
        ParityError: anything else, and a number that is not one of those shards.

    """
    spelled = _SPELLED.fullmatch(text)
    shard = Shard(number=int(spelled[1]), of=int(spelled[2])) if spelled else None
    if shard is None or not 1 <= shard.number <= shard.of:
        raise ParityError(f"--shard {text}: write it as 2/5, the second of five shards")
    return shard


def cells_of(probes: Sequence[Probe]) -> list[tuple[str, int]]:
    """The cells of a plan, by probe name and seed, in its order."""
    return [(probe.name, seed) for probe in probes for seed in probe.workload.seeds]


def dealt(probes: Sequence[Probe], shard: Shard) -> list[tuple[str, int]]:
    """The cells of a shard: every n-th of the plan, so that seeds of one probe and probes alike are spread."""
    return cells_of(probes)[shard.number - 1 :: shard.of]


def share(probes: Sequence[Probe], shard: Shard) -> tuple[Probe, ...]:
    """The probes of a shard at the seeds that it has; those without a cell are left out.

    What a probe declares of outcomes over seeds is left out where some of its seeds are elsewhere.

    Raises:
        ParityError: more shards than cells: one of them would compare nothing, and that is no pass.

    """
    if shard.of > (cells := len(cells_of(probes))):
        raise ParityError(
            f"--shard {shard.number}/{shard.of}: {shard.of} shards of {cells} {'cell' if cells == 1 else 'cells'}, "
            f"so that some would have none; at most {cells}"
        )
    mine = dealt(probes, shard)
    seeds = {probe.name: tuple(seed for name, seed in mine if name == probe.name) for probe in probes}
    return tuple(_at(probe, seeds[probe.name]) for probe in probes if seeds[probe.name])


def postpone(probe: Probe) -> Probe:
    """The same without what it declares of outcomes: they cannot be judged over some of its seeds."""
    return replace(probe, expect=replace(probe.expect, outcomes={}))


def postponed(planned: Sequence[Probe], judged: Sequence[Probe]) -> dict[str, tuple[str, ...]]:
    """By probe name, the outcomes that are declared and that decide nothing yet."""
    declared = {probe.name: tuple(probe.expect.outcomes) for probe in planned}
    return {probe.name: declared[probe.name] for probe in judged if declared[probe.name] and not probe.expect.outcomes}


def _at(probe: Probe, seeds: tuple[int, ...]) -> Probe:
    if seeds == probe.workload.seeds:
        return probe
    return postpone(replace(probe, workload=replace(probe.workload, seeds=seeds)))
