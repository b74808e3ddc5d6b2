from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.bisect.search import Answer, Known, between_ends, walk_back

if TYPE_CHECKING:
    from parity.bisect.search import Strategy


def found(strategy: Strategy, count: int, first_bad: int, skipped: frozenset[int] = frozenset()) -> Known:
    """What is known in the end; nothing is tried twice."""
    known = Known(count=count)
    while (position := strategy(known)) is not None:
        assert position not in known.answers
        answer = Answer.SKIPPED if position in skipped else Answer.BAD if position >= first_bad else Answer.GOOD
        known = known.told(position, answer)
    return known


@st.composite
def worlds(draw: st.DrawFn) -> tuple[int, int, frozenset[int]]:
    """So many releases, the first bad one, and inner releases that cannot be tested."""
    count = draw(st.integers(2, 200))
    first_bad = draw(st.integers(1, count - 1))
    skipped = draw(st.frozensets(st.integers(1, count - 2), max_size=count)) if count > 2 else frozenset()
    return count, first_bad, skipped


def neighbours(count: int, first_bad: int, skipped: frozenset[int]) -> tuple[int, int]:
    testable = [position for position in range(count) if position not in skipped]
    return max(each for each in testable if each < first_bad), min(each for each in testable if each >= first_bad)


@given(worlds())
def test_the_neighbours_are_found_within_the_bound_whatever_is_skipped(world: tuple[int, int, frozenset[int]]) -> None:
    count, first_bad, skipped = world
    known = found(between_ends, count, first_bad, skipped)
    assert (known.last_good, known.first_bad) == neighbours(*world)
    assert known.runs <= ceil(log2(count)) + 2
    assert set(known.between) <= skipped
    assert not known.untried(known.between)


@pytest.mark.parametrize("count", range(2, 71))
def test_every_place_of_the_first_bad_release_is_found_within_the_bound(count: int) -> None:
    for first_bad in range(1, count):
        known = found(between_ends, count, first_bad)
        assert (known.last_good, known.first_bad) == (first_bad - 1, first_bad)
        assert known.runs <= ceil(log2(count)) + 2


@pytest.mark.parametrize("count", range(3, 9))
def test_every_place_with_every_set_of_skips_of_a_short_range(count: int) -> None:
    for mask in range(2 ** (count - 2)):
        skipped = frozenset(position for position in range(1, count - 1) if mask & 1 << (position - 1))
        for first_bad in range(1, count):
            known = found(between_ends, count, first_bad, skipped)
            assert (known.last_good, known.first_bad) == neighbours(count, first_bad, skipped)
            assert known.runs <= ceil(log2(count)) + 2


def test_where_the_middle_cannot_be_tested_its_neighbours_are_tried_outward() -> None:
    asked = []
    known = Known(count=9, answers={0: Answer.GOOD, 8: Answer.BAD})
    for _ in range(4):
        position = between_ends(known)
        assert position is not None
        asked.append(position)
        known = known.told(position, Answer.SKIPPED)
    assert asked == [4, 5, 3, 6]


def test_what_is_not_between_good_and_bad_is_never_tried() -> None:
    known = found(between_ends, 100, 50)
    assert known.runs == len(known.answers) == 8
    assert known.between == ()


@given(worlds())
def test_without_a_good_end_it_is_found_by_walking_back(world: tuple[int, int, frozenset[int]]) -> None:
    known = found(walk_back, *world)
    assert (known.last_good, known.first_bad) == neighbours(*world)
    assert known.runs <= 2 * ceil(log2(world[0])) + 2


def test_walking_back_doubles_the_distance() -> None:
    known = found(walk_back, 100, 0)
    assert list(known.answers) == [99, 98, 97, 95, 91, 83, 67, 35, 0]
    assert known.last_good is None


def test_a_newest_release_that_is_good_ends_the_walk() -> None:
    assert found(walk_back, 50, 50).answers == {49: Answer.GOOD}


def test_before_the_newest_bad_release_those_that_cannot_be_tested_are_passed_over() -> None:
    known = found(walk_back, 20, 15, frozenset({18, 19}))
    assert (known.last_good, known.first_bad) == (14, 15)


def test_where_the_old_ones_cannot_be_tested_the_nearest_that_can_is_still_found() -> None:
    known = found(walk_back, 100, 94, frozenset(range(93)))
    assert (known.last_good, known.first_bad) == (93, 94)


def test_where_none_is_good_and_none_can_be_tested_it_ends() -> None:
    assert found(walk_back, 100, 0, frozenset(range(100))).runs == 0
    assert found(walk_back, 1, 0).answers == {0: Answer.BAD}


def test_the_newest_that_can_be_tested_is_the_bad_end() -> None:
    known = found(between_ends, 20, 5, frozenset({17, 18, 19}))
    assert list(known.answers)[:5] == [0, 19, 18, 17, 16]
    assert (known.last_good, known.first_bad) == (4, 5)


def test_where_the_newest_is_good_nothing_else_is_tried() -> None:
    assert found(between_ends, 20, 20).answers == {0: Answer.GOOD, 19: Answer.GOOD}
