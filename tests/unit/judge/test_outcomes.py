from __future__ import annotations

import math
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from parity.judge.outcomes import Rates, judge_rates, judge_shift, seeds_needed, smallest_gap
from parity.probe.values import VerdictKind

arms = st.dictionaries(st.integers(0, 99), st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)
nats = st.floats(-20.0, 20.0)


def paired(both: int, only_reference: int, only_candidate: int, neither: int) -> Rates:
    answers = [(True, True)] * both + [(True, False)] * only_reference
    answers += [(False, True)] * only_candidate + [(False, False)] * neither
    return judge_rates(dict(enumerate(left for left, _ in answers)), dict(enumerate(right for _, right in answers)))


def tail(least: int, of: int, rate: float) -> float:
    return sum(math.comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(least, of + 1))


@cache
def shown(against: int, differ: int) -> bool:
    return 2 * sum(math.comb(differ, k) for k in range(against + 1)) < 0.05 * (1 << differ)


def power(seeds: int, with_gap: float, against_gap: float) -> float:
    """By every split of the seeds into three, with neither scipy nor a number of seeds that differ."""
    same = 1 - with_gap - against_gap
    return sum(
        math.comb(seeds, for_it) * math.comb(seeds - for_it, against)
        * with_gap**for_it * against_gap**against * same ** (seeds - for_it - against)
        for for_it in range(seeds + 1)
        for against in range(min(for_it, seeds - for_it) + 1)
        if shown(against, for_it + against)
    )  # fmt: skip


def test_the_gap_that_was_chased_for_twenty_rounds_is_inconclusive() -> None:
    rates = paired(both=5, only_reference=5, only_candidate=2, neither=3)
    assert rates.mcnemar == pytest.approx(0.453125)
    assert rates.fisher == pytest.approx(0.46, abs=0.005)
    assert (rates.only_reference, rates.only_candidate) == ((5, 6, 7, 8, 9), (10, 11))
    assert (rates.kind, rates.seeds_needed) == (VerdictKind.INCONCLUSIVE, 96)
    assert rates.reason == (
        "10 of 15 against 7 of 15 seeds; exact McNemar p = 0.45, Fisher p = 0.46: these seeds do not prove a gap; "
        "it would take about 96 seeds (at best, 15 seeds reliably show a gap of 48 points)"
    )


@settings(deadline=None)
@given(arms)
def test_swapped_arms_have_the_same_p_and_swapped_seeds(answers: dict[int, tuple[bool, bool]]) -> None:
    left, right = ({seed: both[arm] for seed, both in answers.items()} for arm in (0, 1))
    rates, swapped = judge_rates(left, right), judge_rates(right, left)
    assert (rates.only_reference, rates.only_candidate) == (swapped.only_candidate, swapped.only_reference)
    assert (rates.kind, rates.seeds_needed) == (swapped.kind, swapped.seeds_needed)
    assert (rates.mcnemar, rates.fisher) == pytest.approx((swapped.mcnemar, swapped.fisher))


@settings(deadline=None)
@given(arms)
def test_identical_is_said_where_no_seed_differs_and_only_there(answers: dict[int, tuple[bool, bool]]) -> None:
    left, right = ({seed: both[arm] for seed, both in answers.items()} for arm in (0, 1))
    rates = judge_rates(left, right)
    named = [*rates.only_reference, *rates.only_candidate]
    assert sorted(named) == sorted(seed for seed in answers if left[seed] != right[seed])
    assert len(rates.only_reference) - len(rates.only_candidate) == rates.reference - rates.candidate
    assert (rates.kind is VerdictKind.IDENTICAL) == (not named) == (left == right)


@pytest.mark.parametrize(
    ("split", "kind", "reason"),
    [
        ((0, 0, 15, 0), "diverged", "0 of 15 against 15 of 15 seeds; exact McNemar p = 6.1e-05, Fisher p = 1.3e-08: "
         "more than chance at alpha = 0.05"),
        ((0, 6, 0, 9), "diverged", "6 of 15 against 0 of 15 seeds; exact McNemar p = 0.031, Fisher p = 0.017: "
         "more than chance at alpha = 0.05"),
        ((0, 5, 0, 0), "inconclusive", "5 of 5 against 0 of 5 seeds; exact McNemar p = 0.062, Fisher p = 0.0079: "
         "these seeds do not prove a gap; it would take about 6 seeds (5 seeds cannot show any gap)"),
        ((0, 3, 3, 9), "inconclusive", "3 of 15 against 3 of 15 seeds; exact McNemar p = 1, Fisher p = 1: "
         "no gap is seen (at best, 15 seeds reliably show a gap of 48 points)"),
        ((0, 251, 250, 0), "inconclusive", "251 of 501 against 250 of 501 seeds; exact McNemar p = 1, "
         "Fisher p = 1: these seeds do not prove a gap; it would take more than 100000 seeds "
         "(at best, 501 seeds reliably show a gap of 2 points)"),
        ((4, 0, 0, 11), "identical", "4 of 15 against 4 of 15 seeds, the same at every seed"),
    ],
)  # fmt: skip
def test_a_verdict_on_paired_seeds(split: tuple[int, int, int, int], kind: str, reason: str) -> None:
    rates = paired(*split)
    assert (rates.kind, rates.reason, rates.paired) == (kind, reason, True)


@pytest.mark.parametrize(("left", "right"), [({}, {}), ({}, {1: True}), ({1: True, 2: False}, {})])
def test_nothing_compared_is_never_a_pass(left: dict[int, bool], right: dict[int, bool]) -> None:
    rates = judge_rates(left, right)
    assert (rates.kind, rates.mcnemar, rates.fisher) == (VerdictKind.INVALID, None, None)
    reason = f"nothing to compare: {len(left)} seeds of the reference, {len(right)} of the candidate"
    assert rates.reason == reason


def test_other_seeds_are_compared_unpaired_and_not_by_those_they_share() -> None:
    rates = judge_rates(dict.fromkeys(range(10), True), dict.fromkeys(range(5, 15), True) | {9: False})
    assert (rates.kind, rates.paired) == (VerdictKind.INCONCLUSIVE, False)
    assert (rates.reference, rates.reference_seeds, rates.candidate, rates.candidate_seeds) == (10, 10, 9, 10)
    assert (rates.only_candidate, rates.mcnemar, rates.smallest_gap, rates.seeds_needed) == ((), None, None, None)
    assert rates.reason == (
        "10 of 10 against 9 of 10 seeds, unpaired since the seeds are not the same; Fisher p = 1: "
        "these seeds do not prove a gap"
    )


def test_other_seeds_with_the_same_answers_are_not_identical() -> None:
    assert judge_rates({1: True}, {2: True}).kind is VerdictKind.INCONCLUSIVE


def test_other_seeds_diverge_by_fisher() -> None:
    assert judge_rates(dict.fromkeys(range(5), True), dict.fromkeys(range(6), False)).kind is VerdictKind.DIVERGED


def test_alpha_is_what_decides() -> None:
    left, right = dict.fromkeys(range(5), True), dict.fromkeys(range(5), False)
    assert judge_rates(left, right, alpha=0.1).kind is VerdictKind.DIVERGED
    assert judge_rates(left, right, alpha=2 * 0.5**5).kind is VerdictKind.INCONCLUSIVE  # equal is not below


@pytest.mark.parametrize("alpha", [0.1, 0.0625, 0.05, 0.03125, 0.01, 0.001])
@pytest.mark.parametrize("seeds", [1, 5, 6, 7, 15, 40])
def test_the_smallest_gap_is_where_so_many_seeds_reach_the_power(seeds: int, alpha: float) -> None:
    fewest = next(k for k in range(99) if 2 * 0.5**k < alpha)
    gap = smallest_gap(seeds, alpha=alpha)
    assert (gap is None) == (seeds < fewest)
    if gap is not None:
        assert tail(fewest, seeds, gap) == pytest.approx(0.8)
        assert tail(fewest, seeds, gap - 0.001) < 0.8


@pytest.mark.parametrize(
    ("only_reference", "only_candidate"),
    [(5 / 15, 2 / 15), (2 / 15, 5 / 15), (1.0, 0.0), (0.8, 0.2), (0.75, 0.25), (0.82, 0.18), (1 / 15, 0.0), (0.4, 0.1)],
)
def test_the_power_holds_from_the_seeds_needed_on(only_reference: float, only_candidate: float) -> None:
    needed = seeds_needed(only_reference, only_candidate)
    assert needed is not None
    rates = max(only_reference, only_candidate), min(only_reference, only_candidate)
    assert power(needed - 1, *rates) < 0.8
    assert min(power(seeds, *rates) for seeds in range(needed, needed + 12)) >= 0.8


def test_no_gap_needs_no_seeds() -> None:
    assert seeds_needed(0.2, 0.2) is None
    assert seeds_needed(0.0, 0.0) is None


@settings(deadline=None)
@given(st.integers(1, 60), st.data())
def test_every_gap_over_few_seeds_has_an_answer(seeds: int, data: st.DataObject) -> None:
    left = data.draw(st.integers(1, seeds))
    right = data.draw(st.integers(0, min(left - 1, seeds - left)))
    needed = seeds_needed(left / seeds, right / seeds)
    assert needed is not None
    assert needed >= 6


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 99), st.tuples(nats, nats), min_size=1, max_size=12))
def test_a_shift_is_identical_where_every_seed_is_equal_and_only_there(losses: dict[int, tuple[float, float]]) -> None:
    left, right = ({seed: both[arm] for seed, both in losses.items()} for arm in (0, 1))
    shift, swapped = judge_shift(left, right), judge_shift(right, left)
    assert (shift.kind is VerdictKind.IDENTICAL) == (left == right)
    assert (shift.kind, shift.wilcoxon, shift.largest) == (swapped.kind, swapped.wilcoxon, swapped.largest)
    assert shift.mean == -(swapped.mean or 0.0)
    assert judge_shift(left, left).kind is VerdictKind.IDENTICAL


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=20, unique=True), st.data())
def test_without_ties_the_p_is_that_of_scipy(sizes: list[float], data: st.DataObject) -> None:
    deltas = [size * data.draw(st.sampled_from((1, -1))) for size in sizes]
    shift = judge_shift(dict.fromkeys(range(len(deltas)), 0.0), dict(enumerate(deltas)))
    assert shift.wilcoxon == pytest.approx(float(wilcoxon(deltas, method="exact").pvalue))


@pytest.mark.parametrize("deltas", [(1, 2, -1, 2, 2, 1, 3), (1, 1, 1, 1, 1, -1, -1, 2), (0, 1, 0, -2, 1, 2, 3, -1, 1)])
def test_with_ties_and_zeros_the_p_is_that_of_every_flip_of_signs(deltas: tuple[int, ...]) -> None:
    differ = [abs(delta) for delta in deltas if delta]
    ranks = {size: sum(other < size for other in differ) + (differ.count(size) + 1) / 2 for size in differ}
    seen = sum(ranks[delta] for delta in deltas if delta > 0)
    centre = sum(ranks[size] for size in differ) / 2
    flips = [sum(ranks[size] for size, up in zip(differ, signs, strict=True) if up)
             for signs in product((False, True), repeat=len(differ))]  # fmt: skip
    expected = sum(abs(flip - centre) >= abs(seen - centre) for flip in flips) / len(flips)
    shift = judge_shift(dict.fromkeys(range(len(deltas)), 0.0), dict(enumerate(map(float, deltas))))
    assert shift.wilcoxon == pytest.approx(expected)


@pytest.mark.parametrize(
    ("deltas", "kind", "reason"),
    [
        ([0.5] * 6, "diverged", "6 of 6 seeds differ; the mean difference over all is +0.5 nats, the "
         "largest 0.5 (seed 0); exact Wilcoxon p = 0.031: more than chance at alpha = 0.05"),
        ([0.25, 0.5, 1.0, -2.0, 0.125, 0.75], "inconclusive", "6 of 6 seeds differ; the mean difference over all is "
         "+0.104 nats, the largest 2 (seed 3); exact Wilcoxon p = 0.44: these seeds do not prove a shift"),
        ([0.5, 0.0, 0.5, 0.5, 0.5, 0.5, 0.0], "inconclusive", "5 of 7 seeds differ; the mean difference over all is "
         "+0.357 nats, the largest 0.5 (seed 0); exact Wilcoxon p = 0.062: these seeds do not prove a shift; "
         "fewer than 6 that differ never do"),
        ([0.0, -0.0], "identical", "equal bit for bit at 2 of 2 seeds"),
        ([0.0, math.nan, math.inf], "invalid", "NaN or infinite at 2 of 3 seeds, first at seed 1"),
    ],
)  # fmt: skip
def test_a_verdict_on_a_loss(deltas: list[float], kind: str, reason: str) -> None:
    shift = judge_shift(dict.fromkeys(range(len(deltas)), 0.0), dict(enumerate(deltas)))
    assert (shift.kind, shift.reason) == (kind, reason)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_two_losses_that_are_no_numbers_are_not_equal(value: float) -> None:
    shift = judge_shift({1: value, 2: 1.0}, {1: value, 2: 1.0})
    assert (shift.kind, shift.wilcoxon) == (VerdictKind.INVALID, None)


def test_a_delta_is_candidate_minus_reference() -> None:
    shift = judge_shift({7: 1.0, 3: 2.0}, {3: 1.0, 7: 1.5})
    assert (list(shift.deltas.items()), shift.mean) == ([(3, -1.0), (7, 0.5)], -0.25)
    assert (shift.largest, shift.largest_seed) == (1.0, 3)


@pytest.mark.parametrize(
    ("left", "right", "counts"),
    [({}, {}, (0, 0, 0)), ({1: 2.0}, {}, (1, 0, 0)), ({1: 2.0, 2: 2.0}, {1: 2.0}, (2, 1, 1))],
)
def test_losses_of_other_seeds_are_invalid(
    left: dict[int, float], right: dict[int, float], counts: tuple[int, int, int]
) -> None:
    shift = judge_shift(left, right)
    assert (shift.kind, shift.deltas) == (VerdictKind.INVALID, {})
    of, others, both = counts
    assert shift.reason == f"nothing to pair: {of} seeds of the reference, {others} of the candidate, {both} in common"
