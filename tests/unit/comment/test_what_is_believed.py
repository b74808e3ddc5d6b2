"""Results whose numbers deny each other in one place, where everything that can be told anew does follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.canaries.catalogue import find
from parity.errors import BadResultError
from parity.judge.verdict import FirstDivergence, MetricSummary, Thresholds, Verdict
from parity.metrics import Stage
from parity.probe.values import Expectation, VerdictKind
from parity.report.json import render_json
from parity.store.results import read_result
from tests.unit.comment.made import AT, cell, probe_result, result, unexpected

if TYPE_CHECKING:
    from parity.gate.result import RunResult

DECLARED = Expectation(verdict=VerdictKind.DIVERGED)


def judged(verdict: Verdict, expect: Expectation | None = None) -> RunResult:
    """A probe whose two cells have this verdict."""
    cells = [replace(cell(seed), verdict=verdict, curves={}) for seed in (1, 42)]
    return result(probe_result(*cells, expect=expect or Expectation(verdict=verdict.kind)))


def identical(**changed: object) -> Verdict:
    """Identical, with one metric's summary changed."""
    verdict = cell(1).verdict
    assert verdict is not None
    loss = replace(verdict.metrics["loss"], **changed)  # type: ignore[arg-type]
    return replace(verdict, metrics={**verdict.metrics, "loss": loss})


def diverged(at: FirstDivergence, **more: MetricSummary) -> Verdict:
    """Diverged at a place, with more metrics that differ than the loss from step 2."""
    verdict = cell(1, AT).verdict
    assert verdict is not None
    return replace(verdict, first_divergence=at, metrics={**verdict.metrics, **more})


def from_step(step: int | None, unequal: int = 1) -> MetricSummary:
    return MetricSummary(max_abs=None, max_ulp=None, first_step=step, unequal=unequal, compared=4)


def within(**changed: object) -> Verdict:
    """Within a tolerance that the probe does not state, or what else is changed."""
    verdict = cell(1, AT).verdict
    assert verdict is not None
    made = replace(
        verdict, kind=VerdictKind.WITHIN, thresholds=Thresholds(tolerance={"loss": 0.5}), largest={"loss": 6.0}
    )
    return replace(made, **changed)  # type: ignore[arg-type]


NOISY = {"bounds": {"loss": 1.0}, "noise_floor": {"loss": 0.5}, "repetitions": 19}


@pytest.mark.parametrize("made", [result(), unexpected(), judged(diverged(AT, params=from_step(2)), DECLARED)])
def test_what_a_run_says_is_believed(made: RunResult) -> None:
    assert render_json(read_result(render_json(made), find)) == render_json(made)


def test_within_the_noise_of_a_device_that_does_not_repeat_itself_is_believed() -> None:
    made = judged(within(thresholds=Thresholds(deterministic=False), largest={}, **NOISY))
    assert read_result(render_json(made), find).expected


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (judged(diverged(AT, lr=from_step(2, unequal=5)), DECLARED), "lr differs 5 of 4 times, from step 2"),
        (judged(diverged(AT, lr=from_step(None)), DECLARED), "lr differs 1 of 4 times, from step None"),
        (judged(diverged(AT, lr=from_step(2, unequal=0)), DECLARED), "lr differs 0 of 4 times, from step 2"),
        (judged(identical(max_abs=0.25)), "loss never differs, but is off by 0.25"),
        (judged(identical(max_ulp=3)), "loss never differs, but is off by 0.0"),
        (judged(diverged(AT, params=from_step(1)), DECLARED), "diverged at step 2, but params differs from step 1 on"),
        (
            judged(diverged(replace(AT, step=1)), DECLARED),
            "diverged at step 1, but loss differs only from step 2 on",
        ),
        (
            judged(diverged(replace(AT, stage=Stage.UPDATE)), DECLARED),
            "diverged at loss, which does not belong to stage update",
        ),
        (judged(within()), "judged with a different tolerance than the probe states"),
        (judged(within(thresholds=Thresholds(), largest={}, **NOISY)), "a noise floor on a device that repeats itself"),
    ],
)
def test_what_no_run_says_is_not(made: RunResult, said: str) -> None:
    with pytest.raises(BadResultError) as refused:
        read_result(render_json(made), find)
    assert str(refused.value) == f"results that contradict themselves: 'current/self': seed 1: {said}"


def test_a_canary_counts_once() -> None:
    made = result()
    assert made.canaries is not None
    twice = replace(made, canaries=replace(made.canaries, scores=made.canaries.scores * 2))
    with pytest.raises(BadResultError, match="canary 'not-clipped' appears 2 times"):
        read_result(render_json(twice), find)
