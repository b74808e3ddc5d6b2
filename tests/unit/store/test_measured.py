"""Numbers of a cell that do not follow from each other are found; those that a run measures are not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.canaries.catalogue import find
from parity.errors import BadResultError
from parity.gate.result import RunResult
from parity.judge.diff import Recording, diff
from parity.judge.verdict import Thresholds, first_divergence, judge
from parity.metrics import METRICS, Stage
from parity.probe.values import Expectation, VerdictKind
from parity.report.json import render_json
from parity.store.measured import of_divergence, of_greatest, of_metric
from parity.store.results import read_result
from tests.unit.made import divergence, judged, probe_of

AT = divergence(2, Stage.LOSS, "loss")
TOKENS = divergence(2, Stage.LOSS, "tokens", reference=306, candidate=303, delta=-3.0, ulp=None)
FINGERPRINT = divergence(2, Stage.GRADIENT, "gradient", reference="aa", candidate="bb", delta=None, ulp=None)
_NOISY: dict[str, Any] = {"tolerance": {}, "deterministic": False, "confidence": 0.95}
REPORTED = divergence(2, Stage.LOSS, "reported_loss", candidate=math.nan, delta=math.nan, ulp=None)


@pytest.mark.parametrize(
    "at",
    [AT, TOKENS, FINGERPRINT, REPORTED, replace(AT, candidate=math.inf, delta=math.inf, ulp=1_063_256_064)],
    ids=lambda at: at.metric,
)
def test_a_divergence_that_a_run_measures_is_whole(at: Any) -> None:
    assert list(of_divergence(at)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"delta": math.inf}, "loss differs at step 2 by inf, but candidate − reference is -0.25"),
        ({"delta": math.nan}, "loss differs at step 2 by nan, but candidate − reference is -0.25"),
        ({"delta": None}, "loss differs at step 2 by None, but candidate − reference is -0.25"),
        ({"delta": 0.25}, "loss differs at step 2 by 0.25, but candidate − reference is -0.25"),
        ({"ulp": -9}, "loss differs at step 2 by -9 ULPs, but its values are 1048576 apart"),
        ({"ulp": 9}, "loss differs at step 2 by 9 ULPs, but its values are 1048576 apart"),
        ({"ulp": None}, "loss differs at step 2 by None ULPs, but its values are 1048576 apart"),
        ({"candidate": 2.5, "delta": 0.0, "ulp": 0}, "loss differs at step 2, but both values are 2.5"),
        ({"candidate": "2.25"}, "loss differs at step 2, but its values are text"),
        ({"metric": "gradient"}, "gradient differs at step 2, but its values are numbers"),
        ({"metric": "perplexity"}, "perplexity differs at step 2, but is not compared"),
        ({"step": -1}, "loss differs at step -1, which is no step"),
        ({"candidate": math.nan, "ulp": None}, "loss differs at step 2 by -0.25, but candidate − reference is nan"),
    ],
)
def test_a_divergence_that_does_not_follow_from_its_values_is_found(changed: dict[str, Any], said: str) -> None:
    assert list(of_divergence(replace(AT, **changed))) == [said]


def test_fingerprints_have_no_distance_and_differ() -> None:
    assert list(of_divergence(replace(FINGERPRINT, candidate="aa"))) == [
        "gradient differs at step 2, but both values are aa"
    ]
    assert list(of_divergence(replace(FINGERPRINT, delta=0.5))) == [
        "gradient differs at step 2 by 0.5, but candidate − reference is None"
    ]


@given(st.floats(width=32), st.floats(width=32))
def test_whatever_the_judge_measures_is_whole(left: float, right: float) -> None:
    delta = diff(Recording(rows=((1, {"loss": left}),)), Recording(rows=((1, {"loss": right}),)))
    at = first_divergence(delta.unequal)
    assert at is None or list(of_divergence(at)) == []
    verdict = judge(delta, again=(), thresholds=Thresholds())
    assert [*of_metric("loss", verdict.metrics["loss"]), *of_greatest(verdict)] == []


@pytest.mark.parametrize(
    ("metric", "changed", "said"),
    [
        ("loss", {"max_ulp": -9}, "loss is off by 0.25 and -9 ULPs, and neither can be negative"),
        ("loss", {"max_abs": -0.25}, "loss is off by -0.25 and 1048576 ULPs, and neither can be negative"),
        ("loss", {"max_abs": 0.0}, "loss differs 29 times, but is off by 0.0 and 1048576 ULPs"),
        ("loss", {"max_ulp": 0}, "loss differs 29 times, but is off by 0.25 and 0 ULPs"),
        ("loss", {"max_abs": 0.125}, "loss is off by -0.25 at step 2, but by 0.125 at most"),
        ("loss", {"max_ulp": 9}, "loss is off by 1048576 ULPs at step 2, but by 9 at most"),
        ("loss", {"max_abs": None}, "loss has a size, but it is not said how far it is off"),
        ("loss", {"max_abs": math.nan}, "diverged, but loss is off by NaN"),
        ("params", {"max_abs": 0.25}, "params is off by 0.25, but a fingerprint has no size"),
        ("batch", {"compared": 29}, "batch was compared 29 times, not 30"),
        ("base", {"compared": 30}, "base was compared 30 times, not 1"),
        ("lr", {"first_step": 3}, "lr differs 29 times from step 3 of 30 on"),
        ("trainable_at_end", {"first_step": 2}, "trainable_at_end differs 1 times from step 2 of 30 on"),
    ],
)
def test_a_metric_that_does_not_follow_from_its_rows_is_refused(
    metric: str, changed: dict[str, Any], said: str
) -> None:
    tree = json.loads(render_json(_run()))
    tree["probes"][0]["cells"][0]["metrics"][metric] |= changed
    assert _refused(json.dumps(tree).replace("NaN", '"NaN"')) == f"'a/b': seed 1: {said}"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bounds": {"loss": 0.125}}, "no loss is off by more than 0.125, but one is by 0.25"),
        ({"bounds": {"loss": 0.5}, "noise_floor": {"loss": 1.0}}, "no loss is off by more than 0.5, but one is by 1.0"),
        ({"noise_floor": {"loss": -0.5}}, "the noise floor of loss is -0.5"),
        ({"repetitions": -1}, "-1 repetitions, at a confidence of 0.95"),
        (
            {"thresholds": {"tolerance": {}, "deterministic": False, "confidence": 1.5}},
            "1 repetitions, at a confidence of 1.5",
        ),
        (
            {"curves": {"loss": {"steps": [2], "reference": [1.0], "candidate": [9.0]}}},
            "the curve of loss is off by 8.0, but loss is at most 0.25",
        ),
    ],
)
def test_what_a_cell_says_of_its_noise_and_curves_follows(changed: dict[str, Any], said: str) -> None:
    tree = json.loads(render_json(_run()))
    tree["probes"][0]["cells"][0] |= changed | {"thresholds": changed.get("thresholds", _NOISY)}
    assert _refused(json.dumps(tree)) == f"'a/b': seed 1: {said}"


def test_a_divergence_within_its_tolerance_or_in_another_metric_is_refused() -> None:
    for tolerance, said in (
        ({"loss": 0.5}, "diverged, but loss is off by -0.25; 0.5 is allowed"),
        ({"lr": 0.125}, "diverged at loss, which has no tolerance and so does not decide"),
    ):
        made = judged(1, AT)
        assert made.verdict is not None
        cell = replace(
            made,
            verdict=replace(
                made.verdict, thresholds=Thresholds(tolerance=tolerance), largest=dict.fromkeys(tolerance, 6.0)
            ),
        )
        assert _refused(render_json(_run(cell, tolerance=tolerance))) == f"'a/b': seed 1: {said}"


@pytest.mark.parametrize(
    ("largest", "said"),
    [
        ({}, "loss has a tolerance, but no largest value"),
        ({"loss": 6.0, "lr": 1.0}, "lr has no tolerance, but a largest value"),
        ({"loss": 2.25}, "loss is 2.25 at most, but 5.875 in one place"),
    ],
)
def test_what_a_tolerance_is_held_against_follows(largest: dict[str, float], said: str) -> None:
    made = judged(1, AT)
    assert made.verdict is not None
    stated = Thresholds(tolerance={"loss": 0.125})
    cell = replace(made, verdict=replace(made.verdict, thresholds=stated, largest=largest))
    assert _refused(render_json(_run(cell, tolerance=stated.tolerance))) == f"'a/b': seed 1: {said}"


def test_a_difference_that_is_not_decided_has_a_place_too() -> None:
    tree = json.loads(render_json(_run(replace(judged(1, AT), verdict=_inconclusive(first_divergence=None)))))
    assert _refused(json.dumps(tree)) == "'a/b': seed 1: inconclusive, but there is no first divergence"


def _inconclusive(**changed: Any) -> Any:
    return replace(judged(1, AT).verdict, kind=VerdictKind.INCONCLUSIVE, **changed)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        (-1, "not the results of a run: ProbeSchema workload.seeds.0: Input should be greater than or equal to 0"),
        (2**32, "not the results of a run: ProbeSchema workload.seeds.0: Input should be less than 4294967296"),
        (10**3999, "not JSON (a whole number of more than 300 digits)"),
    ],
    ids=["negative", "33 bits", "4,000 digits"],
)
def test_a_seed_that_no_probe_accepts_is_refused(seed: int, said: str) -> None:
    tree = json.loads(render_json(_run()))
    tree["probes"][0]["asked"]["workload"]["seeds"] = [seed]
    tree["probes"][0]["cells"][0]["seed"] = seed
    with pytest.raises(BadResultError) as refused:
        read_result(json.dumps(tree), find)
    assert str(refused.value) == said


def test_every_metric_of_the_fixture_is_one_that_a_run_would_have() -> None:
    for name, metric in METRICS.items():
        sized = {"reference": 2.5, "candidate": 2.25}
        last = metric.steps(30)[-1]
        at = divergence(0 if name in {"base", "trainable", "base_at_start"} else last, metric.stage, name, **sized)
        if not metric.sized:
            at = replace(at, reference="a", candidate="b", delta=None, ulp=None)
        if name not in {"tokens", "counter"}:
            text = render_json(_run(judged(1, at)))
            assert render_json(read_result(text, find)) == text


def _run(*cells: Any, **changed: Any) -> RunResult:
    expect = Expectation(verdict=VerdictKind.DIVERGED)
    return RunResult(probes=(probe_of("a/b", *(cells or (judged(1, AT),)), expect=expect, **changed),))


def _refused(text: str) -> str:
    with pytest.raises(BadResultError) as refused:
        read_result(text, find)
    assert "\n" not in str(refused.value)
    return str(refused.value).removeprefix("results that contradict themselves: ")
