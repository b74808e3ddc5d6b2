"""The bisection finds the largest k that is caught, whatever it is, in few runs, all effects side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from parity.scoreboard.sensitivity import FINEST, largest_caught

if TYPE_CHECKING:
    from collections.abc import Mapping


@given(st.dictionaries(st.text(max_size=3), st.integers(min_value=0, max_value=FINEST), max_size=5))
def test_the_largest_that_is_caught_is_found(truth: dict[str, int]) -> None:
    rounds = 0

    def caught(tried: Mapping[str, int]) -> dict[str, bool]:
        nonlocal rounds
        rounds += 1
        assert all(1 <= k <= FINEST for k in tried.values())
        return {name: k <= truth[name] for name, k in tried.items()}

    assert largest_caught(list(truth), caught) == {name: k or None for name, k in truth.items()}
    assert rounds <= FINEST.bit_length()


def test_of_nothing_nothing_is_tried() -> None:
    assert largest_caught([], lambda _: {}) == {}
