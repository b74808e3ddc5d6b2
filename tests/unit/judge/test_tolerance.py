"""A tolerance that judges nothing, and what a tolerance leaves undecided, are said."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.judge.diff import Recording, diff
from parity.judge.tolerance import doubts
from parity.judge.verdict import Thresholds, judge
from parity.probe.values import VerdictKind
from tests.unit.made import cell, probe_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.judge.columns import Value
    from parity.judge.result import ProbeResult


def _recording(loss: float, lr: float, gradient: str) -> Recording:
    def row(step: int) -> dict[str, Value]:
        return {"tokens": 306, "loss": loss - step / 8, "gradient": gradient, "lr": lr}

    return Recording(rows=((1, row(1)), (2, row(2))))


def _judged(stated: Mapping[str, float], *, faulty: bool = True) -> ProbeResult:
    """A candidate whose learning rate is 50 times off, if it is faulty."""
    reference = _recording(6.25, 0.001, "aa")
    delta = diff(reference, _recording(6.5, 0.05, "bb") if faulty else reference)
    verdict = judge(delta, again=(), thresholds=Thresholds(tolerance=stated))
    return probe_of("a/b", replace(cell(1), verdict=verdict), tolerance=stated)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"loss": 1e30}, "loss may differ by 1e+30, but is 6.125 at most: the tolerance judges nothing"),
        ({"loss": 6.125}, "loss may differ by 6.125, but is 6.125 at most: the tolerance judges nothing"),
        ({"lr": 0.5}, "lr may differ by 0.5, but is 0.001 at most: the tolerance judges nothing"),
        ({"tokens": 306.0}, "tokens may differ by 306, but is 306 at most: the tolerance judges nothing"),
    ],
)
def test_a_tolerance_as_large_as_the_values_that_it_judges_is_said(stated: dict[str, float], said: str) -> None:
    assert next(doubts(_judged(stated))) == said


def test_what_differs_and_does_not_decide_is_said() -> None:
    result = _judged({"tokens": 0.0})
    assert result.kind is VerdictKind.WITHIN
    assert list(doubts(result)) == [
        "tokens alone decides; what differs and does not decide: loss (by 0.25), gradient, lr (by 0.049)"
    ]
    assert list(doubts(_judged({"tokens": 0.0, "loss": 0.5}))) == [
        "tokens, loss alone decide; what differs and does not decide: gradient, lr (by 0.049)"
    ]


def test_where_nothing_differs_or_no_tolerance_is_stated_nothing_is_said() -> None:
    assert list(doubts(_judged({"loss": 0.5}, faulty=False))) == []
    assert list(doubts(_judged({}))) == []
    assert list(doubts(_judged({"tokens": 0.0}, faulty=False))) == []
