"""The verdict on a canary, and the totals: a scoreboard of nothing is no pass, and one that is missed is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.errors import ExitStatus
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from parity.scoreboard.score import CanaryStatus, Identical, Score, score
from tests.unit.made import cell
from tests.unit.scoreboard.made import ALARM, CAUGHT, ELSEWHERE, MISSED, NOT_RUN, QUIET, at, board, canary


@pytest.mark.parametrize("kind", [VerdictKind.DIVERGED, VerdictKind.INCONCLUSIVE, VerdictKind.INVALID])
def test_a_fault_is_caught_by_every_verdict_that_lets_nothing_through(kind: VerdictKind) -> None:
    assert score(canary(), cell(1, kind, at())).status is CanaryStatus.CAUGHT


def test_arms_that_executed_the_same_code_caught_nothing() -> None:
    same = replace(cell(1, VerdictKind.INVALID), same_code="both arms executed the same code: 3 functions of mlx-lm")
    assert score(canary(), same).status is CanaryStatus.MISSED


def test_a_fault_within_the_noise_is_missed() -> None:
    assert score(canary(), cell(1, VerdictKind.WITHIN, at())).status is CanaryStatus.MISSED


def test_an_identical_cell_is_a_miss_of_a_fault_and_the_quiet_of_a_harmless_change() -> None:
    wanted = (CanaryStatus.MISSED, CanaryStatus.QUIET, CanaryStatus.FALSE_ALARM)
    assert (MISSED.status, QUIET.status, ALARM.status) == wanted


def test_what_could_not_be_run_is_neither() -> None:
    assert NOT_RUN.status is CanaryStatus.NOT_RUN
    assert NOT_RUN.reason == "candidate: there is no such seam"


def test_stage_and_step_are_right_or_wrong_one_by_one() -> None:
    assert (CAUGHT.stage_right, CAUGHT.step_right) == (True, True)
    assert (ELSEWHERE.stage_right, ELSEWHERE.step_right) == (False, False)
    late = score(canary(), cell(1, VerdictKind.DIVERGED, at(step=3)))
    assert (late.stage_right, late.step_right) == (True, False)


def test_a_fault_that_is_missed_is_right_nowhere() -> None:
    assert not MISSED.stage_right
    assert not MISSED.step_right


def test_what_is_left_behind_is_named_where_the_reference_no_longer_repeats_itself() -> None:
    behind = score(canary(stage=Stage.LOSS), cell(1, VerdictKind.INVALID), at(Stage.LOSS))
    assert behind.stage_right
    assert behind.step_right


@pytest.mark.parametrize(
    ("scores", "status"),
    [
        ((CAUGHT, QUIET), ExitStatus.EXPECTED),
        ((CAUGHT, MISSED), ExitStatus.UNEXPECTED),
        ((CAUGHT, ALARM), ExitStatus.UNEXPECTED),
        ((CAUGHT, ELSEWHERE), ExitStatus.UNEXPECTED),
        ((CAUGHT, NOT_RUN), ExitStatus.NOT_RUN),
        ((MISSED, NOT_RUN), ExitStatus.UNEXPECTED),
        ((ALARM, NOT_RUN), ExitStatus.UNEXPECTED),
        ((NOT_RUN,), ExitStatus.NOT_RUN),
        ((QUIET,), ExitStatus.UNEXPECTED),
        ((), ExitStatus.UNEXPECTED),
    ],
)
def test_the_exit_status(scores: tuple[Score, ...], status: ExitStatus) -> None:
    assert board(*scores).status is status


def test_one_stage_of_twenty_may_be_named_wrong_and_two_may_not() -> None:
    assert board(*[CAUGHT] * 19, ELSEWHERE).passed
    assert not board(*[CAUGHT] * 18, ELSEWHERE, ELSEWHERE).passed


def test_an_alarm_among_identical_arms_is_a_false_one() -> None:
    alarmed = board(CAUGHT, identical=Identical(cells=200, alarms=("loop, seed 7: diverged",)))
    assert (alarmed.false_alarms, alarmed.passed, alarmed.status) == (1, False, ExitStatus.UNEXPECTED)
    assert alarmed.misjudged == ("loop, seed 7: diverged",)


def test_identical_arms_add_up() -> None:
    first, second = Identical(cells=2, alarms=("a",)), Identical(cells=3, not_run=("b",))
    assert first + second == Identical(cells=5, alarms=("a",), not_run=("b",))


@given(st.lists(st.sampled_from([CAUGHT, ELSEWHERE, MISSED, QUIET, ALARM, NOT_RUN])))
def test_a_pass_has_a_fault_and_everything_right(scores: list[Score]) -> None:
    found = board(*scores)
    if found.status is ExitStatus.EXPECTED:
        assert found.caught >= 1
        assert {each.status for each in scores} <= {CanaryStatus.CAUGHT, CanaryStatus.QUIET}
    if found.trusted:
        assert scores
        assert not found.misjudged
    assert found.steps_right <= found.caught <= len(found.faults) <= len(scores)


def test_an_invalid_cell_is_no_quiet_one() -> None:
    harmless = canary(stage=None, step=None)
    assert score(harmless, cell(1, VerdictKind.INVALID)).status is CanaryStatus.FALSE_ALARM
    assert score(harmless, replace(cell(1), verdict=None)).status is CanaryStatus.NOT_RUN
