"""Shards: the cells of a plan, divided among machines. Pure: nothing is run or read here."""

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
    """One of `of` shares of a plan."""

    number: int
    """1-based."""
    of: int

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of}"


@dataclass(frozen=True, kw_only=True)
class MissingShards:
    """Which shards a merged run is missing, in whole or in part."""

    of: int
    """How many shards the plan was divided into."""
    missing: tuple[int, ...] = ()
    """Numbers of the shards that are missing."""
    incomplete: tuple[int, ...] = ()
    """Numbers of the shards that did not end, or in which a cell did not."""


def read_shard(text: str) -> Shard:
    """Reads `2/5`, as written on the command line.

    Raises:
        ParityError: not of this form, or there is no shard of this number.

    """
    spelled = _SPELLED.fullmatch(text)
    shard = Shard(number=int(spelled[1]), of=int(spelled[2])) if spelled else None
    if shard is None or not 1 <= shard.number <= shard.of:
        raise ParityError(f"--shard {text}: write it as 2/5, the second of five shards")
    return shard


def cells_of(probes: Sequence[Probe]) -> list[tuple[str, int]]:
    """The cells of a plan, as probe name and seed, in its order."""
    return [(probe.name, seed) for probe in probes for seed in probe.workload.seeds]


def dealt(probes: Sequence[Probe], shard: Shard) -> list[tuple[str, int]]:
    """The cells of a shard: every n-th of the plan, which spreads both the probes and the seeds of each."""
    return cells_of(probes)[shard.number - 1 :: shard.of]


def share(probes: Sequence[Probe], shard: Shard) -> tuple[Probe, ...]:
    """The probes of a shard at the seeds that it runs; probes without a cell are left out.

    A probe's declared outcomes over seeds are left out if other shards run some of its seeds.

    Raises:
        ParityError: more shards than cells; an empty shard would compare nothing, which is not a pass.

    """
    if shard.of > (cells := len(cells_of(probes))):
        raise ParityError(
            f"--shard {shard.number}/{shard.of}: {shard.of} shards for {cells} {'cell' if cells == 1 else 'cells'} "
            f"would leave some shards empty; use at most {cells}"
        )
    mine = dealt(probes, shard)
    seeds = {probe.name: tuple(seed for name, seed in mine if name == probe.name) for probe in probes}
    return tuple(_at(probe, seeds[probe.name]) for probe in probes if seeds[probe.name])


def postpone(probe: Probe) -> Probe:
    """The probe without its declared outcomes, which cannot be judged over only some of its seeds."""
    return replace(probe, expect=replace(probe.expect, outcomes={}))


def postponed(planned: Sequence[Probe], judged: Sequence[Probe]) -> dict[str, tuple[str, ...]]:
    """By probe name, the declared outcomes that do not decide anything yet."""
    declared = {probe.name: tuple(probe.expect.outcomes) for probe in planned}
    return {probe.name: declared[probe.name] for probe in judged if declared[probe.name] and not probe.expect.outcomes}


def _at(probe: Probe, seeds: tuple[int, ...]) -> Probe:
    if seeds == probe.workload.seeds:
        return probe
    return postpone(replace(probe, workload=replace(probe.workload, seeds=seeds)))
