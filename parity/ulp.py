"""How far apart two floats are, counted in representable numbers."""

from __future__ import annotations

import math

import numpy as np


def ulp_distance(left: float, right: float) -> int | None:
    """float32 numbers between two float32 values; `None` where a NaN has no place among them.

    Zeros of both signs are one number; an infinity is the neighbour of the largest finite one.
    After B. Dawson, "Comparing Floating Point Numbers" (2012): the bits of a float, read as a
    sign-magnitude integer, are in the order of the floats.
    """
    if math.isnan(left) or math.isnan(right):
        return None
    return abs(_ordinal(left) - _ordinal(right))


def _ordinal(value: float) -> int:
    bits = int(np.float32(value).view(np.int32))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)
