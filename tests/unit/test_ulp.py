from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity.ulp import ulp_distance

float32 = st.floats(width=32, allow_nan=False)


@given(float32)
def test_a_value_is_at_no_distance_from_itself(value: float) -> None:
    assert ulp_distance(value, value) == 0


@given(float32, float32)
def test_distance_has_no_direction(left: float, right: float) -> None:
    assert ulp_distance(left, right) == ulp_distance(right, left)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_next_float_is_one_away(value: float) -> None:
    with np.errstate(over="ignore"):  # the neighbour of the largest is infinity
        upward = float(np.nextafter(np.float32(value), np.float32(math.inf)))
    assert ulp_distance(value, upward) == 1


@given(float32, float32, float32)
def test_distances_add_up_along_the_line(left: float, middle: float, right: float) -> None:
    low, mid, high = sorted((left, middle, right))
    parts = ulp_distance(low, mid), ulp_distance(mid, high)
    assert None not in parts
    assert ulp_distance(low, high) == sum(part for part in parts if part is not None)


def test_zeros_of_both_signs_are_one_number() -> None:
    assert ulp_distance(0.0, -0.0) == 0


def test_a_nan_has_no_place() -> None:
    assert ulp_distance(math.nan, 1.0) is None
    assert ulp_distance(1.0, math.nan) is None


def test_a_double_beyond_float32_counts_as_infinity() -> None:
    assert ulp_distance(1e300, math.inf) == 0
