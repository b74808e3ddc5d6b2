"""Each thing that denies another is found, and an honest result denies nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.gate.result import RunResult
from parity.golden.drift import Checked, Drift
from parity.judge.curves import Curve
from parity.judge.problems import Problem, ProblemKind
from parity.judge.verdict import FirstDivergence, MetricSummary, Thresholds
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from parity.scoreboard.score import CanaryStatus, Identical, Score, Scoreboard
from parity.store.consistency import contradictions
from tests.unit.made import EXPLANATION, judged, probe_of
from tests.unit.scoreboard.made import HARMLESS, canary

if TYPE_CHECKING:
    from parity.canaries.canary import Canary
    from parity.judge.result import CellResult

AT = FirstDivergence(
    step=1,
    stage=Stage.CLIP,
    metric="clipped_norm",
    reference=2.5,
    candidate=2.25,
    delta=-0.25,
    ulp=1_048_576,
    detail="",
)


def run(*cells: CellResult) -> RunResult:
    """Of a probe that states the tolerance by which its first cell was judged."""
    made = probe_of("a/b", *cells)
    tolerance = cells[0].verdict.thresholds.tolerance if cells[0].verdict else {}
    return RunResult(probes=(replace(made, probe=replace(made.probe, tolerance=tolerance)),))


def verdict(cell: CellResult, **changed: Any) -> CellResult:
    assert cell.verdict is not None
    return replace(cell, verdict=replace(cell.verdict, **changed))


def metric(cell: CellResult, name: str, **changed: Any) -> CellResult:
    assert cell.verdict is not None
    summary = replace(cell.verdict.metrics[name], **changed)
    return verdict(cell, metrics={**cell.verdict.metrics, name: summary})


FAULT = canary()
SAME, OTHER = judged(1), judged(1, AT)
WITHIN = verdict(OTHER, kind=VerdictKind.WITHIN, thresholds=Thresholds(tolerance={"loss": 0.5}), largest={"loss": 6.0})
CURVE = SAME.curves["loss"]


def without(name: str) -> dict[str, MetricSummary]:
    assert SAME.verdict is not None
    return {each: summary for each, summary in SAME.verdict.metrics.items() if each != name}


@pytest.mark.parametrize(
    "cell",
    [
        SAME,
        OTHER,
        WITHIN,
        replace(SAME, verdict=None, failure="candidate: it died", steps=0, curves={}),
        verdict(OTHER, first_divergence=replace(AT, metric="reported_loss")),
        verdict(SAME, kind=VerdictKind.INVALID, problems=(Problem(kind=ProblemKind.NAN_BOTH, detail="loss"),)),
    ],
)
def test_what_a_run_ends_with_denies_nothing(cell: CellResult) -> None:
    assert list(contradictions(run(cell))) == []


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (verdict(OTHER, kind=VerdictKind.IDENTICAL), "identical, but clipped_norm differs"),
        (metric(SAME, "tokens", unequal=1), "identical, but tokens differs"),
        (metric(SAME, "base", first_step=0), "identical, but base differs"),
        (verdict(SAME, first_divergence=AT), "identical, but there is a first divergence"),
        (verdict(SAME, metrics=without("params")), "identical, but params was not compared"),
        (metric(SAME, "loss", compared=0), "identical, but loss was not compared"),
        (verdict(SAME, kind=VerdictKind.DIVERGED), "diverged, but there is no first divergence"),
        (
            verdict(SAME, kind=VerdictKind.DIVERGED, first_divergence=AT),
            "diverged at clipped_norm, which never differs",
        ),
        (
            verdict(SAME, problems=(Problem(kind=ProblemKind.NAN_BOTH, detail="loss"),)),
            "identical in spite of a problem: NaN in both: loss",
        ),
        (verdict(OTHER, kind=VerdictKind.WITHIN), "within, but neither a tolerance nor a noise floor allows it"),
        (
            verdict(WITHIN, thresholds=Thresholds(tolerance={"clipped_norm": 0.2})),
            "within, but clipped_norm is off by 0.25; 0.2 is allowed",
        ),
        (
            verdict(WITHIN, thresholds=Thresholds(tolerance={"perplexity": 0.2})),
            "within, but perplexity is missing; 0.2 is allowed",
        ),
        (replace(SAME, steps=29), "identical after 29 of 30 steps"),
        (replace(SAME, failure="it died"), "a verdict although an arm failed"),
        (replace(SAME, verdict=None), "neither a verdict nor a failure"),
        (
            replace(SAME, curves={"loss": replace(CURVE, candidate=CURVE.candidate[1:])}),
            "the curve of loss is not equally long in both arms",
        ),
        (
            replace(SAME, curves={"loss": Curve(steps=(31,), reference=(1.0,), candidate=(1.0,))}),
            "the curve of loss has steps that are not planned",
        ),
        (
            replace(SAME, curves={"loss": replace(CURVE, candidate=CURVE.candidate[::-1])}),
            "identical, but the curve of loss is not",
        ),
        (replace(SAME, curves={"<b>": CURVE}), "a curve of '<b>', which is never drawn"),
    ],
)
def test_a_cell_that_denies_itself_is_found(cell: CellResult, said: str) -> None:
    assert list(contradictions(run(cell)))[:1] == [f"'a/b': seed 1: {said}"]


def test_a_seed_that_was_not_planned_or_came_twice_is_found() -> None:
    planned = probe_of("a/b", SAME)
    (said,) = contradictions(RunResult(probes=(replace(planned, cells=(judged(2),)),)))
    assert said == "'a/b': cells of seeds [2], but [1] are planned"
    assert list(contradictions(RunResult(probes=(replace(planned, cells=(SAME, SAME)),))))


def test_a_probe_that_is_there_twice_is_found() -> None:
    result = RunResult(probes=(probe_of("a/b", SAME), probe_of("a/b", SAME)))
    assert list(contradictions(result)) == ["probe 'a/b' appears 2 times"]


@pytest.mark.parametrize(("left", "right"), [("a/b c", "a/b  c"), ("a/é", "a/e\u0301"), ("a/b", "a/\uff42")])
def test_two_probes_that_are_shown_alike_are_found(left: str, right: str) -> None:
    (said,) = contradictions(RunResult(probes=(probe_of(left, SAME), probe_of(right, SAME))))
    assert said.startswith("2 probes are shown as 'a/")


def test_two_probes_that_differ_in_a_character_that_cannot_be_seen_are_two() -> None:
    assert not list(contradictions(RunResult(probes=(probe_of("a/b", SAME), probe_of("a/b\u200b", SAME)))))


def test_an_explanation_of_what_does_not_part_is_found() -> None:
    result = replace(run(SAME), explanations={"a/b": {}})
    assert list(contradictions(result)) == ["'a/b' is explained, but does not diverge"]


@pytest.mark.parametrize(
    ("of", "status", "kind", "said"),
    [
        (FAULT, CanaryStatus.CAUGHT, VerdictKind.IDENTICAL, "caught, but its verdict is identical"),
        (FAULT, CanaryStatus.QUIET, VerdictKind.IDENTICAL, "quiet, but a fault"),
        (HARMLESS, CanaryStatus.CAUGHT, VerdictKind.DIVERGED, "caught, but harmless"),
        (HARMLESS, CanaryStatus.QUIET, VerdictKind.DIVERGED, "quiet, but its verdict is diverged"),
        (HARMLESS, CanaryStatus.FALSE_ALARM, VerdictKind.WITHIN, "false alarm, but its verdict is within"),
    ],
)
def test_a_canary_that_denies_itself_is_found(of: Canary, status: CanaryStatus, kind: VerdictKind, said: str) -> None:
    score = Score(canary=of, status=status, verdict=kind, reason="")
    board = Scoreboard(scores=(score,), identical=Identical(cells=1))
    assert list(contradictions(replace(run(SAME), canaries=board))) == [f"canary {of.name!r} is {said}"]


@pytest.mark.parametrize(("at", "unequal"), [(None, 1), (AT, 0)])
def test_a_golden_that_denies_itself_is_found(at: FirstDivergence | None, unequal: int) -> None:
    moved = Drift(at=at, unequal=unequal, compared=9, problems=(), changed=())
    goldens = Checked(decides=True, platform="linux-x86_64-cpu", drifts={("a/b", 1): moved}, absent=())
    (said,) = contradictions(replace(run(SAME), goldens=goldens))
    assert (
        said
        == f"'a/b': golden of seed 1: {unequal} of 9 values differ, first at {'no step' if at is None else 'step 1'}"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"probe": "c/d"}, "'a/b' has the explanation of 'c/d'"),
        ({"seed": 2}, "'a/b' is explained at seed 2, but seeds [1] are planned"),
        ({"runs": -1}, "'a/b' is explained by -1 runs"),
    ],
)
def test_an_explanation_of_another_run_is_found(changed: dict[str, Any], said: str) -> None:
    explained = EXPLANATION | {"probe": "a/b"} | changed
    assert list(contradictions(replace(run(OTHER), explanations={"a/b": explained}))) == [said]


def test_a_golden_of_a_seed_that_was_not_planned_is_found() -> None:
    goldens = Checked(decides=False, platform="p", drifts={}, absent=(("a/b", 7),))
    assert list(contradictions(replace(run(SAME), goldens=goldens))) == [
        "'a/b': no golden of seed 7, which is not planned"
    ]


def test_a_golden_whose_difference_does_not_follow_is_found() -> None:
    moved = Drift(at=replace(AT, ulp=9), unequal=1, compared=9, problems=(), changed=())
    goldens = Checked(decides=True, platform="p", drifts={("a/b", 1): moved}, absent=())
    assert list(contradictions(replace(run(SAME), goldens=goldens))) == [
        "'a/b': golden of seed 1: clipped_norm differs at step 1 by 9 ULPs, but its values are 1048576 apart"
    ]


def test_a_canary_that_was_seen_at_no_place_is_found() -> None:
    score = Score(
        canary=FAULT, status=CanaryStatus.CAUGHT, verdict=VerdictKind.DIVERGED, reason="", at=replace(AT, step=-1)
    )
    board = Scoreboard(scores=(score,), identical=Identical(cells=1))
    assert list(contradictions(replace(run(SAME), canaries=board))) == [
        f"canary {FAULT.name!r} is caught at step -1, stage clip, in clipped_norm, which is no such place"
    ]
