from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.errors import BadTraceError
from parity.judge.blind_spots import BlindSpot
from parity.metrics import Stage
from parity.probe.shard import MissingShards, Shard
from parity.probe.values import Expectation, Outcomes, VerdictKind
from parity.store.plan import Plan, Promised, read_plan, write_plan
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from pathlib import Path

ASKS = replace(
    PROBE,
    outcomes=Outcomes(prompt="a", contains="b"),
    expect=Expectation(verdict=VerdictKind.IDENTICAL, outcomes={"contains": VerdictKind.IDENTICAL}),
)
PLAN = Plan(
    probes=(ASKS,),
    blind_spots={ASKS.name: (BlindSpot(stage=Stage.BATCH, what="padding", because="so"),)},
    not_run={ASKS.name: "why"},
    models={"owner/name": "c0"},
    inputs={"/data/train.jsonl": "00"},
    promised=Promised(controls=((ASKS.name, 1),), canaries=("lora-rank",), goldens=("linux/a-1.txt",)),
    shard=Shard(number=2, of=2),
    missing_shards=MissingShards(of=2, missing=(1,), incomplete=(2,)),
)


@pytest.mark.parametrize("plan", [PLAN, Plan(probes=(PROBE,))])
def test_a_plan_is_read_back_as_it_was_written(tmp_path: Path, plan: Plan) -> None:
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan


@pytest.mark.parametrize(
    "key", ["schema", "probes", "blind_spots", "not_run", "models", "promised", "inputs", "shard", "missing_shards"]
)
def test_a_plan_without_one_of_its_words_is_none(tmp_path: Path, key: str) -> None:
    write_plan(tmp_path, PLAN)
    tree = json.loads((tmp_path / "plan.json").read_text())
    del tree[key]
    (tmp_path / "plan.json").write_text(json.dumps(tree))
    with pytest.raises(BadTraceError, match=r"it has no readable plan\.json"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("probes", 0, "name"), "n" * 300),
        (("probes", 0, "name"), "a\0b"),
        (("promised", "repetitions"), True),
        (("promised", "canaries"), "x"),
        (("promised", "goldens"), [1]),
        (("promised", "controls"), [["a/b", "1"]]),
        (("shard", "of"), 2.5),
        (("missing_shards",), {"of": "2", "missing": [], "incomplete": []}),
        (("missing_shards",), {"of": 2, "missing": [None], "incomplete": []}),
    ],
)
def test_a_plan_that_no_run_writes_is_none(tmp_path: Path, keys: tuple[Any, ...], value: object) -> None:
    write_plan(tmp_path, PLAN)
    tree = holder = json.loads((tmp_path / "plan.json").read_text())
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    (tmp_path / "plan.json").write_text(json.dumps(tree))
    with pytest.raises(BadTraceError, match=r"it has no readable plan\.json"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [("steps", "3", "workload.steps: Input should be a valid integer"), ("seeds", [], "workload.seeds: none")],
)
def test_a_probe_of_a_plan_has_its_types_and_a_seed(tmp_path: Path, key: str, value: object, why: str) -> None:
    write_plan(tmp_path, PLAN)
    tree = json.loads((tmp_path / "plan.json").read_text())
    tree["probes"][0]["workload"][key] = value
    (tmp_path / "plan.json").write_text(json.dumps(tree))
    said = f"has an invalid probe current/self ({why})"
    with pytest.raises(BadTraceError, match=re.escape(said)):
        read_plan(tmp_path)


def test_a_plan_that_is_cut_anywhere_is_none(tmp_path: Path) -> None:
    write_plan(tmp_path, PLAN)
    text = (tmp_path / "plan.json").read_text()
    for length in range(0, len(text), 97):
        (tmp_path / "plan.json").write_text(text[:length])
        with pytest.raises(BadTraceError, match=r"it has no readable plan\.json"):
            read_plan(tmp_path)


def test_a_shard_has_its_share_and_a_whole_run_all() -> None:
    assert [probe.workload.seeds for probe in PLAN.own] == [(42,)]
    assert replace(PLAN, shard=None).own == PLAN.probes


def test_what_is_declared_over_all_seeds_is_judged_over_all_of_them_alone() -> None:
    merged = replace(PLAN, shard=None)
    assert merged.judged(ASKS, (1, 42)) == ASKS
    assert dict(merged.judged(ASKS, (42,)).expect.outcomes) == {}
    assert replace(merged, missing_shards=None).judged(ASKS, (42,)) == ASKS
