"""A short sketch of many values, from which the distance of two runs can be told.

A count sketch (Charikar, Chen and Farach-Colton 2002): every value is multiplied by a sign that depends on its position
alone, and the products are added into a few sums. The squared L2 distance of two sketches is an unbiased estimate of
that of the values; with 128 sums its standard error is an eighth of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMS = 128
_MIX, _AGAIN = 668_265, 374_761


def sketch(named: Mapping[str, mx.array]) -> tuple[float, ...]:
    """Any leaves, in the order of their names → `SUMS` float32 values."""
    total = mx.zeros((SUMS,), mx.float32)
    for number, name in enumerate(sorted(named)):
        flat = named[name].astype(mx.float32).reshape(-1)
        flat = mx.pad(flat * _signs(flat.size, number), (0, -flat.size % SUMS))
        total = total + flat.reshape(-1, SUMS).sum(axis=0)
    return tuple(np.array(total).tolist())


def _signs(size: int, leaf: int) -> mx.array:
    """float32 [size] of ±1, from a hash of the position."""
    mixed = (mx.arange(1, size + 1, dtype=mx.uint32) + leaf * 977) * _MIX
    mixed = (mixed ^ (mixed >> 16)) * _AGAIN
    return ((mixed ^ (mixed >> 13)) & 1).astype(mx.float32) * 2 - 1
