"""A short sketch of many values, from which the distance of two runs can be told.

A count sketch (Charikar, Chen and Farach-Colton 2002): every value is multiplied by a sign that depends on its position
alone, and the products are added into a few sums. The squared L2 distance of two sketches is an unbiased estimate of
that of the values; with 128 sums its standard error is an eighth of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np

from parity.lab.fingerprint import mix

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMS = 128


def sketch(named: Mapping[str, mx.array]) -> tuple[float, ...]:
    """Any leaves, in the order of their names → `SUMS` float32 values."""
    total, start = mx.zeros((SUMS,), mx.float32), 0
    for name in sorted(named):
        flat = named[name].astype(mx.float32).reshape(-1)
        signed = mx.pad(flat * _signs(flat.size, start), (0, -flat.size % SUMS))
        total, start = total + signed.reshape(-1, SUMS).sum(axis=0), start + flat.size
    return tuple(np.array(total).tolist())


def _signs(size: int, start: int) -> mx.array:
    """float32 [size] of ±1, from a hash of the position among all values."""
    bits = mix(mx.arange(size, dtype=mx.uint32) + mx.array(start % 2**32, mx.uint32)) & 1
    return bits.astype(mx.float32) * 2 - 1
