"""Checks that shards belong together, and makes the plan of the merged run. Pure: nothing is read or copied here."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parity.errors import ParityError
from parity.golden.values import machine_of
from parity.probe.shard import MissingShards
from parity.probe.values import dotted, to_plain
from parity.store.plan import Promised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from parity.golden.folder import Goldens
    from parity.probe.shard import Shard
    from parity.probe.values import Probe
    from parity.store.plan import Plan

_ABSENT = object()
_DIFFERENT = "the shards have different plans"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A shard as it came from its machine, checked by itself but not against other shards."""

    folder: Path
    """The folder that holds its plan."""
    plan: Plan
    shard: Shard
    """The plan's."""
    provenance: Mapping[tuple[str, int], tuple[Mapping[str, Any], ...]]
    """By probe name and seed, where a cell that has ended ran, according to its traces."""
    incomplete: tuple[tuple[str, int], ...]
    """Cells of its share that are missing or have not ended."""
    ended: bool
    """Whether its run wrote its report; if not, repetitions of a cell may be missing, and canaries may not have run."""
    goldens: Goldens
    """The goldens that it was compared with."""


def merged(shards: Sequence[Stored]) -> Plan:
    """The plan of the whole run; missing shards are in its `missing_shards`.

    Raises:
        ParityError: the shards are not of the same run; the message names the first difference.

    """
    first, *others = sorted(shards, key=lambda each: each.shard.number)
    for before, each in zip([first, *others], others, strict=False):
        if each.shard.of != first.shard.of:
            raise ParityError(f"{first.folder} is {first.shard}, {each.folder} is {each.shard}: not of the same run")
        if each.shard.number == before.shard.number:
            raise ParityError(f"{before.folder} and {each.folder} are both {each.shard}; leave one of them out")
        _check_plans(first, each)
    _check_origins(shards)
    here = {each.shard.number for each in shards}
    missing = MissingShards(
        of=first.shard.of,
        missing=tuple(number for number in range(1, first.shard.of + 1) if number not in here),
        incomplete=tuple(each.shard.number for each in (first, *others) if each.incomplete or not each.ended),
    )
    return replace(
        first.plan,
        blind_spots=_united(each.plan.blind_spots for each in (first, *others)),
        not_run=_united(each.plan.not_run for each in (first, *others)),
        models=_united(each.plan.models for each in (first, *others)),
        promised=_promised([each.plan.promised for each in (first, *others)]),
        shard=None,
        missing_shards=missing if missing.missing or missing.incomplete else None,
    )


def _promised(shards: Sequence[Promised]) -> Promised:
    """What any of the shards rests on."""
    return Promised(
        controls=tuple(dict.fromkeys(cell for each in shards for cell in each.controls)),
        repetitions=min(each.repetitions for each in shards),
        canaries=tuple(dict.fromkeys(name for each in shards for name in each.canaries)),
        goldens=tuple(dict.fromkeys(name for each in shards for name in each.goldens)),
    )


def _united(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All tables in one; if several have a key, the value of the first counts."""
    united: dict[str, Any] = {}
    for table in tables:
        united = dict(table) | united
    return united


def _check_plans(one: Stored, other: Stored) -> None:
    names, also = ([probe.name for probe in each.plan.probes] for each in (one, other))
    for here, there, having, lacks in ((names, also, one, other), (also, names, other, one)):
        for name in here:
            if name not in there:
                raise ParityError(f"{having.folder} has probe {name}, {lacks.folder} does not: {_DIFFERENT}")
    if names != also:
        raise ParityError(f"{one.folder} and {other.folder} have their probes in a different order: {_DIFFERENT}")
    for probe, same in zip(one.plan.probes, other.plan.probes, strict=True):
        words, theirs = asked_of(probe), asked_of(same)
        for word in [*words, *theirs]:
            if (here_said := words.get(word, _ABSENT)) != (there_said := theirs.get(word, _ABSENT)):
                raise ParityError(
                    f"{probe.name}: {word} is {_text(here_said)} in {one.folder}, {_text(there_said)} in "
                    f"{other.folder}: {_DIFFERENT}"
                )
    if one.goldens.decides != other.goldens.decides:
        gated, bare = (one, other) if one.goldens.decides else (other, one)
        raise ParityError(f"{gated.folder} was run with --golden, {bare.folder} without: {_DIFFERENT}")


def _check_origins(shards: Sequence[Stored]) -> None:
    """Checks that steps are computed by the same versions everywhere, or the whole run would be of no one release."""
    seen: dict[tuple[str, str], tuple[str, Path]] = {}
    for each in sorted(shards, key=lambda each: each.shard.number):
        for scope, name, value in _origins(each):
            before, folder = seen.setdefault((scope, name), (value, each.folder))
            if before != value:
                raise ParityError(
                    f"{name} is {before} in {folder}, {value} in {each.folder}: the shards have different versions; "
                    "run all of them with the same"
                )


def _origins(stored: Stored) -> Iterator[tuple[str, str, str]]:
    """Scope, name, value. A pinned release must be the same among the probes that pin the same."""
    for model, commit in stored.plan.models.items():
        yield "", f"model {model}", commit
    pins = {probe.name: repr(sorted(probe.environment.items())) for probe in stored.plan.probes}
    for (name, _), recorded in stored.provenance.items():
        for provenance in recorded:
            for what, value in origin(provenance):
                yield pins[name], what, value


def origin(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Releases, Python, and the platform, which is system, machine and device.

    A different kernel or CPU model is the same platform: the arms of a cell are compared on one machine, and a CPU
    repeats itself. A device that does not repeat itself must have the same name.
    """
    device = _table(provenance, "device")
    machine = machine_of(str(provenance.get("system", "")), str(provenance.get("machine", "")))
    yield "parity", str(provenance.get("parity", ""))
    yield "Python", str(provenance.get("python", ""))
    yield "the platform", f"{machine}-{device.get('type', '')}"
    if device.get("deterministic") is not True:
        yield "the device", str(device.get("name", ""))
    yield from ((str(name), str(release)) for name, release in _table(provenance, "versions").items())


def _table(provenance: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = provenance.get(name)
    return found if isinstance(found, dict) else {}


def asked_of(probe: Probe) -> dict[str, Any]:
    """What a probe asks, by dotted name."""
    return dotted(to_plain(probe.content), with_empty=True)


def _text(value: object) -> str:
    return "missing" if value is _ABSENT else json.dumps(value, default=str)
