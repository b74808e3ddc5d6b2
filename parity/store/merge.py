"""Whether shards belong together, and the plan of the run that they make. Pure: nothing is read or copied here."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parity.errors import ParityError
from parity.golden.values import machine_of
from parity.probe.shard import MissingShards
from parity.probe.values import to_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from parity.golden.folder import Goldens
    from parity.probe.shard import Shard
    from parity.probe.values import Probe
    from parity.store.plan import Plan

_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A shard as it came from its machine, each part of it checked alone."""

    folder: Path
    """That holds its plan."""
    plan: Plan
    shard: Shard
    """The plan's."""
    provenance: Mapping[tuple[str, int], tuple[Mapping[str, Any], ...]]
    """By probe name and seed, what the traces of a cell that has ended say of where it ran."""
    incomplete: tuple[tuple[str, int], ...]
    """Cells of its share that are not there, or that have not ended."""
    ended: bool
    """Whether its run came to its report: else a cell may lack repetitions, and canaries may not have been run."""
    goldens: Goldens
    """Those that it was compared with."""


def merged(shards: Sequence[Stored]) -> Plan:
    """The plan of the whole; missing shards are in its `missing_shards`.

    Raises:
        ParityError: they are not of one run; one line that names the first thing that differs.

    """
    first, *others = sorted(shards, key=lambda each: each.shard.number)
    for before, each in zip([first, *others], others, strict=False):
        if each.shard.of != first.shard.of:
            raise ParityError(f"{first.folder} is {first.shard}, {each.folder} is {each.shard}: not of one run")
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
        blind=_united(each.plan.blind for each in (first, *others)),
        not_run=_united(each.plan.not_run for each in (first, *others)),
        models=_united(each.plan.models for each in (first, *others)),
        shard=None,
        missing_shards=missing if missing.missing or missing.incomplete else None,
    )


def _united(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The first one's word counts."""
    united: dict[str, Any] = {}
    for table in tables:
        united = dict(table) | united
    return united


def _check_plans(one: Stored, other: Stored) -> None:
    names, also = ([probe.name for probe in each.plan.probes] for each in (one, other))
    for here, there, having, lacks in ((names, also, one, other), (also, names, other, one)):
        for name in here:
            if name not in there:
                raise ParityError(f"{having.folder} has probe {name}, {lacks.folder} has not: of different plans")
    if names != also:
        raise ParityError(f"{one.folder} and {other.folder} have their probes in another order: of different plans")
    for probe, same in zip(one.plan.probes, other.plan.probes, strict=True):
        words, theirs = _words(probe), _words(same)
        for word in [*words, *theirs]:
            if (here_said := words.get(word, _ABSENT)) != (there_said := theirs.get(word, _ABSENT)):
                raise ParityError(
                    f"{probe.name}: {word} is {_text(here_said)} in {one.folder}, {_text(there_said)} in "
                    f"{other.folder}: of different plans"
                )
    if one.goldens.decides != other.goldens.decides:
        gated, bare = (one, other) if one.goldens.decides else (other, one)
        raise ParityError(f"{gated.folder} was run with --golden, {bare.folder} without: of different plans")


def _check_origins(shards: Sequence[Stored]) -> None:
    """What computes a step must be the same everywhere, else the whole would be of no release in particular."""
    seen: dict[tuple[str, str], tuple[str, Path]] = {}
    for each in sorted(shards, key=lambda each: each.shard.number):
        for scope, name, value in _origins(each):
            before, folder = seen.setdefault((scope, name), (value, each.folder))
            if before != value:
                raise ParityError(
                    f"{name} is {before} in {folder}, {value} in {each.folder}: of different versions; "
                    "run all shards with the same ones"
                )


def _origins(stored: Stored) -> Iterator[tuple[str, str, str]]:
    """Scope, name, value. A pinned release counts among the probes that pin the same."""
    for model, commit in stored.plan.models.items():
        yield "", f"model {model}", commit
    pins = {probe.name: repr(sorted(probe.environment.items())) for probe in stored.plan.probes}
    for (name, _), recorded in stored.provenance.items():
        for provenance in recorded:
            for what, value in _origin(provenance):
                yield pins[name], what, value


def _origin(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Releases, Python, and the platform, which is system, machine and device.

    Another kernel or another CPU of the kind is no other platform: the arms of a cell are compared on one machine, and
    a CPU repeats itself. A GPU that does not is known by its name.
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


def _words(probe: Probe) -> dict[str, Any]:
    """What a probe says, by dotted name; not where its file lies, which changes nothing."""
    return dict(_dotted(to_plain(probe) | {"file": ""}))


def _dotted(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _text(value: object) -> str:
    return "not there" if value is _ABSENT else json.dumps(value, default=str)
