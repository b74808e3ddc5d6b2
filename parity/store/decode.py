"""Builds a result from its JSON tree. Only the type of each value is checked: the caller must not trust the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter

from parity.gate.result import RunResult
from parity.golden.drift import Changed, Checked, Drift
from parity.jsonfloat import decode
from parity.judge.blind_spots import BlindSpot
from parity.judge.cell import probe_result
from parity.judge.columns import Value
from parity.judge.control import Controlled
from parity.judge.curves import Curve
from parity.judge.effective import Difference, Warned
from parity.judge.problems import Problem, ProblemKind
from parity.judge.result import CellResult
from parity.judge.verdict import FirstDivergence, MetricSummary, Thresholds, Verdict
from parity.metrics import Stage
from parity.probe.schema import check
from parity.probe.shard import MissingShards, Shard, read_shard
from parity.probe.values import BOTH_ARMS, ArmName, Probe, VerdictKind
from parity.scoreboard.score import CanaryStatus, Identical, Score, Scoreboard
from parity.store.told import checked_provenance, read_explanation
from parity.trace.values import Executed, Ignored

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.canaries.canary import Canary
    from parity.judge.result import ProbeResult

Tree = Mapping[str, Any]


def decoded(tree: Tree, find: Callable[[str], Canary]) -> RunResult:
    """The result from which `parity.report.json.result_tree` made this tree.

    Args:
        tree: as JSON types.
        find: returns a canary by name; raises BadProbeError if there is none.

    Raises:
        ValidationError: a value has the wrong type; says where.
        KeyError, TypeError, ValueError, AttributeError, ParityError: the tree has the wrong shape.

    """
    probes = tuple(_probe(each, tree["upstream"] if number == 0 else ()) for number, each in enumerate(tree["probes"]))
    explained = {each["probe"]: each["explanation"] for each in tree["probes"] if each["explanation"] is not None}
    for explanation in explained.values():
        read_explanation(json.dumps(explanation))
    return RunResult(
        probes=probes,
        interrupted=_as(bool, tree["interrupted"]),
        canaries=None if tree["canaries"] is None else _canaries(tree["canaries"], find),
        goldens=None if tree["goldens"] is None else _goldens(tree),
        explanations=explained,
        shard=_shard(tree["shard"]),
        missing_shards=None if tree["missing_shards"] is None else _as(MissingShards, tree["missing_shards"]),
        missing_pieces=_as(tuple[str, ...], tree["missing_pieces"]),
        postponed=_as(dict[str, tuple[str, ...]], tree["postponed"]),
    )


def _shard(tree: Tree | None) -> Shard | None:
    if tree is None:
        return None
    shard: Shard = _as(Shard, tree)
    return read_shard(f"{shard.number}/{shard.of}")


def _probe(tree: Tree, upstream: Sequence[str]) -> ProbeResult:
    """What the tree has once for all cells of a probe goes to the first cell, from which it came."""
    once = {
        "upstream": _as(tuple[str, ...], upstream),
        "strays": _as(tuple[str, ...], tree["strays"]),
        "provenance": checked_provenance(tree["provenance"]),
        "executed": _as(dict[ArmName, tuple[Executed, ...]], tree["executed"]),
    }
    cells = tuple(_cell(each, once if number == 0 else {}) for number, each in enumerate(tree["cells"]))
    spots, not_run = _as(tuple[BlindSpot, ...], tree["blind_spots"]), _as(str | None, tree["not_run"])
    return probe_result(_asked(tree["asked"]), cells, spots, not_run or "")


def _asked(tree: Tree) -> Probe:
    """A probe that a probe file could say; only its environment may be written as seen from a working directory."""
    probe: Probe = _as(Probe, tree)
    check(replace(probe, environment={}))
    return probe


def _cell(tree: Tree, once: Tree) -> CellResult:
    measured = [{name: decode(value) for name, value in tree["outcomes"][arm].items()} for arm in BOTH_ARMS]
    return CellResult(
        seed=_as(int, tree["seed"]),
        steps=_as(int, tree["steps"]),
        verdict=None if tree["thresholds"] is None else _verdict(tree),
        failure=_as(str, tree["failure"]),
        note=_as(str, tree["note"]),
        differences=_as(tuple[Difference, ...], tree["effective"]),
        warnings=tuple(map(_warned, tree["ignored"])),
        alarms=_as(tuple[str, ...], tree["alarms"]),
        random=_as(dict[str, Annotated[int, Field(ge=1)]], tree["random"]),
        control=None if tree["control"] is None else _as(Controlled, tree["control"]),
        lent_by=_as(str | None, tree["lent_by"]) or "",
        curves={_as(str, name): _as(Curve, curve) for name, curve in tree["curves"].items()},
        outcomes=(measured[0], measured[1]),
        **once,
    )


def _verdict(tree: Tree) -> Verdict:
    return Verdict(
        kind=_as(VerdictKind, tree["verdict"]),
        reason=_as(str, tree["reason"]),
        first_divergence=_divergence(tree["first_divergence"]),
        metrics=_as(dict[str, MetricSummary], tree["metrics"]),
        noise_floor=_as(dict[str, float], tree["noise_floor"]),
        bounds=_as(dict[str, float], tree["bounds"]),
        largest=_as(dict[str, float], tree["largest"]),
        repetitions=_as(int, tree["repetitions"]),
        problems=tuple(
            Problem(kind=_as(ProblemKind, each["kind"]), detail=_as(str, each["detail"])) for each in tree["problems"]
        ),
        thresholds=_thresholds(tree["thresholds"]),
    )


def _thresholds(tree: Tree) -> Thresholds:
    return Thresholds(
        tolerance=_as(dict[str, float], tree["tolerance"]),
        deterministic=_as(bool, tree["deterministic"]),
        confidence=_as(float, tree["confidence"]),
    )


def _divergence(tree: Tree | None) -> FirstDivergence | None:
    if tree is None:
        return None
    return FirstDivergence(
        step=_as(int, tree["step"]),
        stage=_as(Stage | None, tree["stage"]),
        metric=_as(str, tree["metric"]),
        reference=decode(_as(Value, tree["reference"])),
        candidate=decode(_as(Value, tree["candidate"])),
        delta=_as(float | None, tree["delta"]),
        ulp=_as(int | None, tree["ulp"]),
        detail=_as(str, tree["detail"]),
    )


def _warned(tree: Tree) -> Warned:
    ignored = {name: value for name, value in tree.items() if name != "arm"}
    return Warned(arm=_as(ArmName, tree["arm"]), ignored=_as(Ignored, ignored))


def _goldens(tree: Tree) -> Checked:
    said = tree["goldens"]
    return Checked(
        decides=_as(bool, said["decide"]),
        platform=_as(str, said["platform"]),
        drifts={
            (_as(str, probe["probe"]), _as(int, cell["seed"])): _drift(cell["golden"])
            for probe in tree["probes"]
            for cell in probe["cells"]
            if cell["golden"] is not None
        },
        absent=tuple((_as(str, each["probe"]), _as(int, each["seed"])) for each in said["absent"]),
        passed_over=_as(tuple[str, ...], said["passed_over"]),
    )


def _drift(tree: Tree) -> Drift:
    return Drift(
        at=_divergence(tree["first_difference"]),
        unequal=_as(int, tree["unequal"]),
        compared=_as(int, tree["compared"]),
        problems=_as(tuple[str, ...], tree["problems"]),
        changed=_as(tuple[Changed, ...], tree["changed"]),
    )


def _canaries(tree: Tree, find: Callable[[str], Canary]) -> Scoreboard:
    """Canaries are looked up by name: what each is, and where it must be caught, is never taken from a file."""
    same = tree["identical"]
    return Scoreboard(
        scores=tuple(_score(each, find) for each in tree["canaries"]),
        identical=Identical(
            cells=_as(int, tree["totals"]["identical_cells"]),
            alarms=_as(tuple[str, ...], same["alarms"]),
            not_run=_as(tuple[str, ...], same["not_run"]),
        ),
        seconds=_as(float, tree["seconds"]),
    )


def _score(tree: Tree, find: Callable[[str], Canary]) -> Score:
    seen = tree["seen"]
    unsaid: Tree = {"reference": "", "candidate": "", "delta": None, "ulp": None, "detail": ""}
    return Score(
        canary=find(_as(str, tree["canary"])),
        status=_as(CanaryStatus, tree["status"]),
        verdict=_as(VerdictKind, tree["verdict"]),
        reason=_as(str, tree["reason"]),
        at=None if seen is None else _divergence({**unsaid, **seen}),
    )


def _as(kind: Any, value: Any) -> Any:
    return _adapter(kind).validate_python(value)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
