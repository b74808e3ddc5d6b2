"""`plan.json`: what a run was asked to do, and what was known before its first cell."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from parity.errors import BadTraceError, shortened
from parity.files import check_path, read_text, write_whole
from parity.judge.blind_spots import BlindSpot
from parity.metrics import Stage
from parity.parsing import parse_json
from parity.probe.schema import complaint
from parity.probe.shard import MissingShards, Shard, postpone, share
from parity.probe.values import Probe, from_plain, to_plain
from parity.trace.cell import cell_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = 4
PLAN = "plan.json"
_PROBE = TypeAdapter(Probe)


@dataclass(frozen=True, kw_only=True)
class Promised:
    """What a pass of a run rests on, in addition to the traces of its cells."""

    controls: tuple[tuple[str, int], ...] = ()
    """The cells, by probe name and seed, whose arms are trained again without the tap."""
    repetitions: int = 1
    """Most repetitions of a reference that does not repeat itself, per cell."""
    canaries: tuple[str, ...] = ()
    """The known faults that are also run, by name."""
    goldens: tuple[str, ...] = ()
    """The golden files that the references are compared with: `<platform>/<name>`."""


NOTHING = Promised()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All probes at all seeds, of which a shard runs a share."""

    probes: tuple[Probe, ...]
    blind_spots: Mapping[str, tuple[BlindSpot, ...]] = field(default_factory=dict)
    """By probe name, the blind spots of its workload."""
    not_run: Mapping[str, str] = field(default_factory=dict)
    """By probe name, why none of its cells was started."""
    models: Mapping[str, str] = field(default_factory=dict)
    """By hub id, the commit that the run found."""
    promised: Promised = NOTHING
    inputs: Mapping[str, str] = field(default_factory=dict)
    """By path, the digest of what cells read, as it was before the first of them."""
    shard: Shard | None = None
    """None: the whole plan."""
    missing_shards: MissingShards | None = None
    """Which shards a merged run is missing; None: none."""

    @property
    def own(self) -> tuple[Probe, ...]:
        """The probes that this run has cells of, at the seeds that it has."""
        return self.probes if self.shard is None else share(self.probes, self.shard)

    def judged(self, probe: Probe, seeds: tuple[int, ...]) -> Probe:
        """A probe as it is judged if only these of its seeds exist: without outcomes over all of them."""
        return probe if self.missing_shards is None or seeds == probe.workload.seeds else postpone(probe)


def write_plan(run: Path, plan: Plan) -> None:
    """Writes the plan into the folder of a run."""
    tree = {
        "schema": SCHEMA,
        "probes": [to_plain(probe) for probe in plan.probes],
        "blind_spots": {name: [asdict(spot) for spot in spots] for name, spots in plan.blind_spots.items()},
        "not_run": dict(plan.not_run),
        "models": dict(plan.models),
        "promised": asdict(plan.promised),
        "inputs": dict(plan.inputs),
        "shard": None if plan.shard is None else asdict(plan.shard),
        "missing_shards": None if plan.missing_shards is None else asdict(plan.missing_shards),
    }
    write_whole(run / PLAN, json.dumps(tree, indent=2))


def read_plan(run: Path) -> Plan:
    """Reads the plan of a stored run.

    Raises:
        BadTraceError: not the folder of a run, or its schema is a different one.

    """
    try:
        tree = parse_json(read_text(run / PLAN), ours=True)
        _check_schema(run, tree["schema"])
        return Plan(
            probes=tuple(_probe(run, plain) for plain in tree["probes"]),
            blind_spots={str(name): tuple(map(_blind_spot, spots)) for name, spots in tree["blind_spots"].items()},
            not_run={str(name): str(why) for name, why in tree["not_run"].items()},
            models={str(name): str(commit) for name, commit in tree["models"].items()},
            promised=_promised(tree["promised"]),
            inputs={str(path): str(digest) for path, digest in tree["inputs"].items()},
            shard=_shard(tree["shard"]),
            missing_shards=_missing_shards(tree["missing_shards"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadTraceError(f"{run}: not the folder of a run: it has no readable {PLAN}") from None


def _check_schema(run: Path, schema: object) -> None:
    if schema == SCHEMA:
        return
    newer = isinstance(schema, int) and schema > SCHEMA
    next_step = "use a newer parity" if newer else "judge it with the parity that wrote it, or run it again"
    raise BadTraceError(f"{run}: a run of schema {shortened(repr(schema))}, this parity reads {SCHEMA}: {next_step}")


def _probe(run: Path, plain: Mapping[str, Any]) -> Probe:
    """Raises an error that `read_plan` expects if it is not a probe, or if no folder can have the name of a cell."""
    invalid = f"{run}: its {PLAN} has an invalid probe {shortened(plain['name'])}"
    try:
        _PROBE.validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        raise BadTraceError(f"{invalid} ({complaint(error)})") from None
    probe = from_plain(plain)
    if not probe.workload.seeds:
        raise BadTraceError(f"{invalid} (workload.seeds: none)")
    for seed in probe.workload.seeds:
        check_path(cell_folder(run, probe, seed))
    return probe


def _blind_spot(plain: Mapping[str, str]) -> BlindSpot:
    return BlindSpot(stage=Stage(plain["stage"]), what=str(plain["what"]), because=str(plain["because"]))


def _promised(plain: Mapping[str, Any]) -> Promised:
    controls = tuple((str(name), seed) for name, seed in plain["controls"])
    if not all(_is_whole(number) for number in (plain["repetitions"], *(seed for _, seed in controls))):
        raise TypeError(plain)
    return Promised(
        controls=controls,
        repetitions=plain["repetitions"],
        canaries=_names(plain["canaries"]),
        goldens=_names(plain["goldens"]),
    )


def _names(plain: Any) -> tuple[str, ...]:
    if not isinstance(plain, list) or not all(isinstance(name, str) for name in plain):
        raise TypeError(plain)
    return tuple(plain)


def _shard(plain: Mapping[str, Any] | None) -> Shard | None:
    if plain is None:
        return None
    shard = Shard(number=plain["number"], of=plain["of"])
    if not (_is_whole(shard.number) and _is_whole(shard.of) and 1 <= shard.number <= shard.of):
        raise ValueError(f"no shard: {plain}")
    return shard


def _missing_shards(plain: Mapping[str, Any] | None) -> MissingShards | None:
    if plain is None:
        return None
    found = MissingShards(of=plain["of"], missing=tuple(plain["missing"]), incomplete=tuple(plain["incomplete"]))
    if not all(map(_is_whole, (found.of, *found.missing, *found.incomplete))):
        raise TypeError(plain)
    return found


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
