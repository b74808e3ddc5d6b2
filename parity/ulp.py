"""How far apart two floats are, counted in representable numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


_WIDTHS = {"float32": 1, "bfloat16": 1 << 16}
"""float32 numbers from one number of a dtype to the next."""


def ulp_distances(left: NDArray[np.float32], right: NDArray[np.float32], dtype: str) -> NDArray[np.int64]:
    """Numbers of a dtype between the elements of two arrays, int64 of their shape; NaNs have no meaning.

    Args:
        left: values of that dtype, held as float32.
        right: the same.
        dtype: `float32`, `bfloat16` or `float16`.

    Raises:
        KeyError: another dtype.

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
