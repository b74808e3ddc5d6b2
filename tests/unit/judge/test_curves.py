from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.judge.curves import Curve, curves, thinned
from tests.unit.made import losses


def curve(*pairs: tuple[float | None, float | None]) -> Curve:
    return Curve(
        steps=tuple(range(1, len(pairs) + 1)),
        reference=tuple(left for left, _ in pairs),
        candidate=tuple(right for _, right in pairs),
    )


def test_a_step_that_one_arm_lacks_is_a_hole_in_it() -> None:
    found = curves(losses(1.0, 2.0), losses(2.5, 3.5, first=2))["loss"]
    assert found == Curve(steps=(1, 2, 3), reference=(1.0, 2.0, None), candidate=(None, 2.5, 3.5))
    assert found.gaps == (None, 0.5, None)


def test_what_was_not_recorded_has_no_steps() -> None:
    assert curves(losses(1.0), losses(1.0))["grad_norm"].steps == ()


def test_a_gap_of_what_is_no_number_is_no_number() -> None:
    nothing, same = curve((math.nan, 1.0), (math.inf, math.inf)).gaps
    assert nothing is not None
    assert math.isnan(nothing)
    assert same == 0.0


def test_a_short_curve_stays_as_it_is() -> None:
    short = curve((1.0, 2.0), (1.0, 1.0))
    assert thinned(short, 6) is short


def test_fewer_points_than_a_picture_needs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 6 points, not 5"):
        thinned(curve((1.0, 1.0)), 5)


@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=40, max_size=300),
    st.integers(6, 40),
)
def test_a_long_curve_keeps_its_ends_and_what_stands_out(pairs: list[tuple[float, float]], most: int) -> None:
    long = curve(*pairs)
    few = thinned(long, most)
    assert len(few.steps) <= most
    assert (few.steps[0], few.steps[-1]) == (1, len(pairs))
    assert list(few.steps) == sorted(set(few.steps))
    assert max(gap or 0.0 for gap in few.gaps) == max(gap or 0.0 for gap in long.gaps)
    assert max(few.candidate, key=lambda value: value or -10.0) == max(long.candidate, key=lambda value: value or -10.0)
    first = next((step for step, gap in zip(long.steps, long.gaps, strict=True) if gap), None)
    assert first is None or first in few.steps
    at = {step: pair for step, *pair in zip(few.steps, few.reference, few.candidate, strict=True)}
    assert all(at[step] == list(pairs[step - 1]) for step in few.steps)
    assert thinned(few, most) is few


def test_one_nan_among_many_steps_is_kept() -> None:
    pairs: list[tuple[float | None, float | None]] = [(1.0, 1.0)] * 1000
    pairs[617] = (1.0, math.nan)
    assert 618 in thinned(curve(*pairs), 30).steps
