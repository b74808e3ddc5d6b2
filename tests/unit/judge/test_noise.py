"""A reference that does not repeat itself is the measure, over enough repetitions and no fewer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.judge.diff import Delta, diff
from parity.judge.noise import LEAST, bounds, enough, rank
from parity.judge.verdict import Thresholds, Verdict, judge
from parity.probe.values import VerdictKind
from tests.unit.made import losses

NOISY = Thresholds(deterministic=False)
STEPS = 12


def noise(draw: np.random.Generator, size: float, around: float = 2.0) -> list[float]:
    """Losses of one run: noise of a known size that grows with the steps."""
    growing = size * np.arange(1, STEPS + 1) / STEPS
    return [float(np.float32(value)) for value in around + growing * draw.normal(size=STEPS)]


def judged(
    seed: int,
    *,
    repetitions: int,
    shift: float = 0.0,
    size: float = 1e-4,
    around: float = 2.0,
    thresholds: Thresholds = NOISY,
) -> Verdict:
    """A candidate that is another repetition, and off by `shift` besides."""
    draw = np.random.default_rng(seed)
    reference = losses(*noise(draw, size, around))
    again = [diff(reference, losses(*noise(draw, size, around))) for _ in range(repetitions)]
    candidate = losses(*(value + shift for value in noise(draw, size, around)))
    return judge(diff(reference, candidate), again=again, thresholds=thresholds)


@pytest.mark.parametrize("around", [2.0, 0.0])
@pytest.mark.parametrize(
    ("times", "kind"), [(0.0, VerdictKind.WITHIN), (0.05, VerdictKind.WITHIN), (100.0, VerdictKind.DIVERGED)]
)
def test_below_the_floor_it_is_within_and_far_above_it_diverges(times: float, kind: VerdictKind, around: float) -> None:
    found = [judged(seed, repetitions=19, shift=times * 1e-4, around=around) for seed in range(6)]
    assert sum(verdict.kind is kind for verdict in found) >= 5


def test_of_equal_trainers_no_more_are_called_different_than_the_confidence_allows() -> None:
    lenient = Thresholds(deterministic=False, confidence=0.75)
    found = [judged(seed, repetitions=3, thresholds=lenient) for seed in range(150)]
    assert sum(verdict.kind is VerdictKind.DIVERGED for verdict in found) <= 150 * (0.25 + 0.1)


def test_at_the_floor_the_bound_says_what_cannot_be_excluded() -> None:
    verdict = judged(3, repetitions=19, shift=1e-4)
    assert 1e-4 <= verdict.bounds["loss"] <= 4 * (verdict.noise_floor["loss"] + 1e-4)


def test_what_few_repetitions_leave_open_is_inconclusive_and_says_how_many_decide() -> None:
    one = judged(1, repetitions=1, shift=1.0)
    assert (one.kind, one.wanted) == (VerdictKind.INCONCLUSIVE, LEAST)
    assert one.reason == "the reference does not repeat itself, and one repetition is too few to measure the noise"
    three = judged(1, repetitions=3, shift=1.0)
    assert (three.kind, three.wanted) == (VerdictKind.INCONCLUSIVE, 19)
    assert three.reason == "further off than all 3 repetitions of the reference, but 19 are needed for 95% confidence"
    many = judged(1, repetitions=19, shift=1.0)
    assert (many.kind, many.wanted) == (VerdictKind.DIVERGED, 0)
    assert many.reason.endswith("(95% confidence)")


@pytest.mark.parametrize(("confidence", "needed"), [(0.5, 1), (0.75, 3), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_how_many_repetitions_a_confidence_takes(confidence: float, needed: int) -> None:
    assert enough(confidence) == needed


values = st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3)


def deltas(runs: list[list[float]]) -> list[Delta]:
    return [diff(losses(0.5, 0.5, 0.5), losses(*run)) for run in runs]


@given(st.lists(values, min_size=2, max_size=6))
def test_all_runs_are_scored_alike(runs: list[list[float]]) -> None:
    measured = deltas(runs)
    if all(each.unequal.empty for each in measured):
        return
    ranks = [rank(measured[at], measured[:at] + measured[at + 1 :]) for at in range(len(measured))]
    assert sum(each.further == 0 for each in ranks) <= 1
    assert all(0 < each.p_value <= 1 for each in ranks)


@given(values, values, values)
def test_no_difference_and_no_floor_is_larger_than_the_bound(
    one: list[float], two: list[float], c: list[float]
) -> None:
    *again, delta = deltas([one, two, c])
    bound = bounds(delta, again)["loss"]
    assert bound >= float(delta.table["delta"].abs().max())
    assert bound >= abs(one[0] - 0.5)
