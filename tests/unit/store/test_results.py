"""What a run writes comes back as it was; what no run writes is refused, and said where."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.canaries.catalogue import canaries, find
from parity.errors import BadResultError
from parity.gate.result import RunResult
from parity.golden.drift import Changed, Checked, Drift
from parity.judge.blind_spots import BlindSpot
from parity.judge.cell import probe_result as over_its_seeds
from parity.judge.effective import Difference, Warned
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.shard import MissingShards, Shard
from parity.probe.values import ArmName, Expectation, Outcomes, VerdictKind
from parity.report.json import render_json
from parity.report.markdown import render_markdown
from parity.scoreboard.score import CanaryStatus, Identical, Score, Scoreboard
from parity.store.results import read_result
from parity.trace.values import Executed, Ignored
from tests.unit.made import EXPLANATION, PROBE, SAME_CONTROL, judged, probe_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT = FirstDivergence(
    step=1,
    stage=Stage.CLIP,
    metric="clipped_norm",
    reference=2.5,
    candidate=math.inf,
    delta=math.inf,
    ulp=1_063_256_064,
    detail="",
)


@cache
def everything() -> RunResult:
    """A run that has one of all there is."""
    warned = Warned(
        arm=ArmName.CANDIDATE, ignored=Ignored(name="f.x", asked=16, effective=None, why="no such parameter")
    )
    first = replace(
        judged(1, AT),
        differences=(Difference(name="lr", reference=[0.5, math.inf], candidate=[0.5], declared=False),),
        warnings=(warned,),
        executed={
            ArmName.REFERENCE: (Executed(distribution="mlx-lm 0.32.2", path="a.py", digest="1", functions=("train",)),)
        },
        strays=("a.py lies in a checkout",),
        upstream=("mlx-lm 0.99: nobody has looked at train",),
        control=SAME_CONTROL,
        outcomes=({"contains": True}, {"contains": False}),
    )
    failed = replace(judged(2), verdict=None, failure="candidate: it died", steps=0, curves={}, provenance={})
    spot = BlindSpot(stage=Stage.BATCH, what="padding", because="every row has 8 tokens")
    expect = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, outcomes={"contains": VerdictKind.IDENTICAL})
    asked = probe_of("b/other", first, failed, expect=expect, outcomes=Outcomes(prompt="a", contains="b"))
    moved = Drift(
        at=replace(AT, candidate=2.25, delta=-0.25, ulp=1_048_576),
        unequal=1,
        compared=9,
        problems=("NaN in both: loss",),
        changed=(Changed(name="mlx", then="0.32.4", now=None),),
    )
    fault, harmless = (next(each for each in canaries() if each.harmless is kind) for kind in (False, True))
    return RunResult(
        probes=(probe_of("a/self", judged(1), judged(42)), over_its_seeds(asked.probe, asked.cells, (spot,))),
        goldens=Checked(
            decides=False, platform="p", drifts={("a/self", 1): moved}, absent=(("a/self", 42),), passed_over=("x",)
        ),
        canaries=Scoreboard(
            scores=(
                Score(canary=fault, status=CanaryStatus.CAUGHT, verdict=VerdictKind.DIVERGED, reason="r", at=AT),
                Score(canary=harmless, status=CanaryStatus.QUIET, verdict=VerdictKind.IDENTICAL, reason="r"),
            ),
            identical=Identical(cells=1),
            seconds=1.5,
        ),
        explanations={"b/other": EXPLANATION},
    )


def refused(text: str) -> str:
    with pytest.raises(BadResultError) as caught:
        read_result(text, find)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return str(caught.value)


@pytest.mark.parametrize(
    "result",
    [
        everything(),
        RunResult(probes=()),
        replace(everything(), interrupted=True),
        replace(everything(), shard=Shard(number=2, of=3), postponed={"b/other": ("contains",)}),
        replace(everything(), missing_shards=MissingShards(of=3, missing=(1,), incomplete=(2,))),
        RunResult(probes=(replace(probe_of("a/b"), probe=PROBE, not_run="no route to the hub"),)),
    ],
)
def test_a_result_comes_back_as_it_was(result: RunResult) -> None:
    text = render_json(result)
    again = read_result(text, find)
    assert render_json(again) == text
    assert render_markdown(again) == render_markdown(result)
    assert again.status is result.status


def test_folders_below_the_working_directory_are_written_as_seen_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inside, outside = str(tmp_path / "rows"), str(tmp_path.parent / "model")
    workload = replace(PROBE.workload, data=inside, model=outside, seeds=(1,))
    probe = replace(probe_of("a/b", judged(1)).probe, workload=workload, environment={"unsloth-zoo": inside})
    text = render_json(RunResult(probes=(over_its_seeds(probe, (judged(1),), ()),)))
    asked = json.loads(text)["probes"][0]["asked"]
    assert asked["workload"]["data"] == asked["environment"]["unsloth-zoo"] == "rows"
    assert asked["workload"]["model"] == outside
    assert render_json(read_result(text, find)) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON (Expecting value, at character 1)"),
        ('{"schema": NaN}', "not JSON (NaN is not JSON)"),
        ('{"schema": 2, "schema": 2}', "not JSON (a key appears twice)"),
        ("[" * 100_000, "not JSON (nested more than 100 levels deep)"),
        ("[]", "not the results of a run: list, not an object"),
        ("{}", "results of schema None, this parity reads 3"),
        ('{"schema": 2}', "results of schema 2, this parity reads 3"),
        ('{"schema": true}', "results of schema True, this parity reads 3"),
        ('{"schema": 3}', "not the results of a run: KeyError: 'probes'"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(text: str, said: str) -> None:
    assert refused(text).startswith(said)


def forged(change: Callable[[Any], object]) -> str:
    tree = json.loads(render_json(everything()))
    change(tree)
    return refused(json.dumps(tree))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: tree.update(expected=True), "results that do not follow from their cells: expected is True"),
        (lambda tree: tree.update(status=0), "results that do not follow from their cells: status is 0"),
        (
            lambda tree: tree.update(summary="All 2 probes as expected: 2 identical."),
            "results that do not follow from their cells: summary is All 2 probes as expected: 2 identical.",
        ),
        (lambda tree: tree["probes"].pop(), "results that do not follow from their cells: expected is False"),
        (
            lambda tree: tree["probes"][1].update(verdict="identical"),
            "results that do not follow from their cells: probes[1].verdict is identical",
        ),
        (
            lambda tree: tree["probes"][1]["cells"][0].update(verdict="identical"),
            "results that contradict themselves: 'b/other': seed 1: identical, but clipped_norm differs",
        ),
        (
            lambda tree: tree["probes"][0]["cells"].pop(),
            "results that do not follow from their cells: summary",
        ),
        (
            lambda tree: tree["probes"][0].update(probe="a/other"),
            "results that do not follow from their cells: probes[0].probe is a/other",
        ),
        (lambda tree: tree.update(extra="<b>"), "results that do not follow from their cells: extra is unknown"),
        (
            lambda tree: tree["probes"][0]["cells"][0].update(seed="1"),
            "results that do not follow from their cells: probes[0].cells[0].seed is 1, but its cells say 1",
        ),
        (
            lambda tree: tree["probes"][0]["cells"][0].update(verdict="fine"),
            "not the results of a run: ",
        ),
        (
            lambda tree: tree["canaries"]["canaries"][0].update(canary="no-such"),
            "not the results of a run: BadProbeError: unknown canary 'no-such'",
        ),
        (
            lambda tree: tree["canaries"]["canaries"][0].update(fault="<b>"),
            "results that do not follow from their cells: canaries.canaries[0].fault is <b>",
        ),
        (
            lambda tree: tree["probes"][1]["explanation"].pop("causes"),
            "not the results of a run: _Explanation causes: Field required",
        ),
        (
            lambda tree: tree["probes"][0]["provenance"].update(versions=[]),
            "not the results of a run: _Provenance versions: Input should be a valid dictionary",
        ),
        (
            lambda tree: tree.update(shard={"number": 4, "of": 3}),
            "not the results of a run: ParityError: --shard 4/3: write it as 2/5",
        ),
        (
            lambda tree: tree["probes"][0].update(not_run="the hub is away"),
            "results that contradict themselves: 'a/self': not run (the hub is away), but no seed is missing",
        ),
        (lambda tree: tree.update(probes=None), "not the results of a run: TypeError"),
        (lambda tree: tree["probes"][0].update(cells={}), "results that do not follow from their cells"),
        (lambda tree: tree["probes"][0]["asked"].update(workload="x"), "not the results of a run: "),
    ],
)
def test_what_a_run_would_not_have_written_is_refused(change: Callable[[Any], object], said: str) -> None:
    assert forged(change).startswith(said)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_single_value_can_be_changed_into_a_better_verdict(data: st.DataObject) -> None:
    """One value anywhere is replaced: what still reads says the same, or nothing better."""
    tree = json.loads(render_json(everything()))
    place: Any = tree
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key]):
            break
        place = place[key]
    place[key] = data.draw(
        st.sampled_from([None, True, False, 0, 1, 2, -1, 0.5, "", "identical", "x", [], {}, "NaN", 10**400, "é\x00"])
    )
    try:
        found = read_result(json.dumps(tree), find)
    except BadResultError:
        return
    assert found.status is everything().status
    assert not found.expected
