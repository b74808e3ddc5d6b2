"""How far apart two floats are, counted in representable numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ulp_distance(left: float, right: float) -> int | None:
    """The distance of two float32 values, counted in float32 numbers; `None` if either is NaN.

    Zeros of both signs count as one number; infinity follows the largest finite number.
    After B. Dawson, "Comparing Floating Point Numbers" (2012): the bits of a float, read as a
    sign-magnitude integer, are in the order of the floats.
    """
    if math.isnan(left) or math.isnan(right):
        return None
    return abs(_ordinal(left) - _ordinal(right))


def _ordinal(value: float) -> int:
    with np.errstate(over="ignore"):  # a double that a trainer reports may be beyond float32: it counts as infinity
        bits = int(np.float32(value).view(np.int32))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


_WIDTHS = {"float32": 1, "bfloat16": 1 << 16}
"""The distance from one number of a dtype to the next, counted in float32 numbers."""


def ulp_distances(left: NDArray[np.float32], right: NDArray[np.float32], dtype: str) -> NDArray[np.int64]:
    """The distance of two arrays, counted in numbers of a dtype, int64 of their shape; meaningless for NaNs.

    Args:
        left: values of that dtype, held as float32.
        right: the same.
        dtype: `float32`, `bfloat16` or `float16`.

    Raises:
        KeyError: any other dtype.

    """
    if dtype == "float16":
        gap = _ordinals(left.astype(np.float16)) - _ordinals(right.astype(np.float16))
    else:
        gap = (_ordinals(left) - _ordinals(right)) // _WIDTHS[dtype]
    distance: NDArray[np.int64] = np.abs(gap)
    return distance


def _ordinals(values: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    bits = values.view(np.int16 if values.dtype == np.float16 else np.int32).astype(np.int64)
    magnitude = bits & (0x7FFF if values.dtype == np.float16 else 0x7FFFFFFF)
    return np.where(bits >= 0, bits, -magnitude)
