"""Samples rotate: each is small and of one ground, and in turn they are all canaries once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parity.canaries.catalogue import canaries
from parity.canaries.ground import LOOP, MASKED, TRAINER
from parity.scoreboard.sample import MOST, sample
from tests.unit.scoreboard.made import canary

grounds = st.lists(st.sampled_from([LOOP, MASKED, TRAINER]), min_size=1, max_size=30)


@given(grounds, st.integers(min_value=0, max_value=10**6), st.integers(min_value=1, max_value=7))
def test_a_sample_is_small_and_of_one_ground(on: list[object], turn: int, most: int) -> None:
    known = [canary(str(number), on=ground) for number, ground in enumerate(on)]
    chosen = sample(known, turn, most=most)
    assert 1 <= len(chosen) <= most
    assert len({each.on.name for each in chosen}) == 1
    assert sample(known, turn, most=most) == chosen


@given(grounds, st.integers(min_value=0, max_value=10**6))
def test_in_turn_every_canary_comes_once_before_any_comes_again(on: list[object], start: int) -> None:
    known = [canary(str(number), on=ground) for number, ground in enumerate(on)]
    seen: list[str] = []
    for turn in range(start, start + len(known)):
        names = [each.name for each in sample(known, turn)]
        if set(names) & set(seen):
            break
        seen += names
    assert sorted(seen) == sorted(each.name for each in known)


def test_no_sample_of_the_catalogue_is_of_harmless_changes_alone() -> None:
    assert all(any(not each.harmless for each in sample(canaries(), turn)) for turn in range(100))
    assert MOST <= 5
