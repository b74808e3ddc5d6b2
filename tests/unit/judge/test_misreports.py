"""What a trainer says against what the tap saw: rounding passes, anything else is found, in the order of the flow."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.judge.misreports import REPORTS, misreported, misreports, with_misreports
from parity.judge.verdict import FirstDivergence, Thresholds, Verdict
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from tests.unit.made import START, step, trace
from tests.unit.made import verdict as made_verdict

numbers = st.floats(min_value=2**-20, max_value=2**20, width=32)
names = st.sampled_from(sorted(REPORTS))


def verdict(kind: VerdictKind = VerdictKind.IDENTICAL, **changed: Any) -> Verdict:
    return replace(made_verdict(kind), **changed)


def divergence(number: int) -> FirstDivergence:
    return replace(misreports(LATE)[0].divergence(), step=number, metric="loss")


def saying(name: str, tapped: float, reported: float) -> Any:
    return trace(step(1, **{name: tapped}, reported={name: reported}), step(2, reported={}), step(3, reported={}))


@given(names, numbers, st.floats(min_value=-0.99, max_value=0.99))
def test_what_is_off_by_no_more_than_is_allowed_is_honest(name: str, tapped: float, share: float) -> None:
    assert not misreports(saying(name, tapped, tapped * (1 + share * REPORTS[name].allowed)))


@given(names, numbers, st.floats(min_value=1.01, max_value=1e3), st.sampled_from([-1, 1]))
def test_what_is_off_by_more_is_found(name: str, tapped: float, times: float, sign: int) -> None:
    (found,) = misreports(saying(name, tapped, tapped * (1 + sign * times * REPORTS[name].allowed)))
    assert (found.step, found.name, found.tapped) == (1, name, tapped)


@given(names, st.sampled_from([math.nan, math.inf, -math.inf]))
def test_what_is_not_finite_is_said_as_it_is(name: str, value: float) -> None:
    assert not misreports(saying(name, value, value))
    assert misreports(saying(name, value, 1.0))
    assert misreports(saying(name, 1.0, value))


@given(names, st.floats(allow_nan=True))
def test_a_zero_is_said_as_a_zero(name: str, reported: float) -> None:
    assert bool(misreports(saying(name, 0.0, reported))) == (reported != 0)


def test_what_is_not_said_and_what_has_another_name_is_not_judged() -> None:
    assert not misreports(trace(step(1, reported={}), step(2, reported={"adam_norm": 99.0})))


def test_under_accumulation_the_loss_is_not_minded_and_the_rate_is() -> None:
    told = step(1, loss=2.0, lr=0.5, reported={"loss": 3.0, "lr": 0.25})
    accumulated = replace(START, effective={"accumulation": 3})
    assert [found.name for found in misreports(trace(told, start=accumulated))] == ["lr"]
    assert [found.name for found in misreports(trace(told))] == ["loss", "lr"]


LATE = trace(step(1), step(2, reported={"loss": 1.5}), step(3, reported={"loss": 2.5}))


def test_a_misreport_makes_an_identical_cell_diverge_where_it_begins() -> None:
    judged = with_misreports(verdict(), LATE)
    at = judged.first_divergence
    assert judged.kind is VerdictKind.DIVERGED
    assert judged.reason == "the candidate reports a loss of 1.5 at step 2, but it was 2.5"
    assert at is not None
    assert (at.step, at.stage, at.metric, at.reference, at.candidate) == (2, Stage.LOSS, "reported_loss", 2.5, 1.5)


@pytest.mark.parametrize(("step_done", "wins"), [(1, False), (2, False), (3, True)])
def test_what_was_done_comes_before_what_is_said_of_the_same_step(step_done: int, wins: bool) -> None:
    done = verdict(VerdictKind.DIVERGED, first_divergence=divergence(step_done))
    at = with_misreports(done, LATE).first_divergence
    assert at is not None
    assert (at.metric == "reported_loss") is wins


def test_honest_reports_change_nothing() -> None:
    assert with_misreports(verdict(), trace()) == verdict()


@pytest.mark.parametrize(
    "kept",
    [verdict(VerdictKind.INVALID), verdict(VerdictKind.WITHIN, thresholds=Thresholds(tolerance={"loss": 0.1}))],
)
def test_a_misreport_decides_nothing_where_nothing_was_judged_or_a_tolerance_does(kept: Verdict) -> None:
    assert with_misreports(kept, LATE) == kept


def test_both_arms_are_told_of() -> None:
    assert misreported(trace(), trace()) == ""
    assert misreported(LATE, LATE) == (
        "the reference reports a loss of 1.5 at step 2, but it was 2.5; "
        "the candidate reports a loss of 1.5 at step 2, but it was 2.5"
    )
