"""64 bits that differ when a single bit of a tensor differs, computed inside a compiled graph or outside.

A sum of words weighted by odd numbers would be cheaper, but blind: flipping the sign of two elements
adds 2³¹ twice, which is 0. So every word is mixed with its position first (two rounds of a bijective
multiply-xorshift, as in the finalisers of MurmurHash3), then summed; a sum of integers does not
depend on the order in which a device reduces.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from parity.trace.values import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Below 10⁶: mlx 0.30 writes scalar constants into CPU kernels with about six digits.
_POSITION, _FIRST, _SECOND, _THIRD = 739_391, 668_265, 374_761, 805_459

_BYTES = {2: mx.uint16, 4: mx.uint32, 8: mx.uint64}


def leaves(tree: Any) -> dict[str, mx.array]:
    """A parameter or gradient tree as name → array, sorted by name."""
    return dict(sorted(tree_flatten(tree)))


def flat_float32(named: Mapping[str, mx.array]) -> mx.array:
    """All leaves as one float32 vector; exact for float32, float16 and bfloat16.

    Zeros of both signs become one: they are equal as numbers, and a scale or a clip may change their sign.
    """
    flat = mx.concatenate([leaf.astype(mx.float32).reshape(-1) for leaf in named.values()])
    return mx.where(flat == 0, mx.zeros_like(flat), flat)


def structure(named: Mapping[str, mx.array]) -> mx.array:
    """Names, shapes and dtypes as two uint32 words, so that equal values under different names differ."""
    text = "\n".join(f"{name} {leaf.dtype} {tuple(leaf.shape)}" for name, leaf in named.items())
    return mx.array(np.frombuffer(hashlib.blake2b(text.encode(), digest_size=8).digest(), np.uint32))


def words(arrays: Iterable[mx.array]) -> mx.array:
    """A batch's arrays, with their shapes, as one uint32 vector; exact for integers and floats of up to 32 bits."""
    parts: list[mx.array] = []
    for array in arrays:
        is_float = mx.issubdtype(array.dtype, mx.floating)
        bits = array.astype(mx.float32).view(mx.uint32) if is_float else array.astype(mx.uint32)
        parts += [mx.array([int(is_float), array.ndim, *array.shape], mx.uint32), bits.reshape(-1)]
    return mx.concatenate(parts)


def mix(words: mx.array) -> mx.array:
    """uint32 [n] → uint32 [n], a bijection in which every bit of a word depends on all of its bits."""
    mixed = (words ^ (words >> 16)) * _FIRST
    mixed = (mixed ^ (mixed >> 13)) * _SECOND
    return mixed ^ (mixed >> 16)


def fingerprint(vector: mx.array, start: mx.array | int = 0) -> mx.array:
    """uint32 [n] → uint32 [2]; the same in eager and in compiled graphs, on every device.

    The fingerprints of two parts add up to that of the whole if the second part's `start` is the length of
    the first.
    """
    mixed = mix(vector + (mx.arange(1, vector.size + 1, dtype=mx.uint32) + start) * _POSITION)
    again = (mixed ^ (mixed >> 15)) * _THIRD
    return mx.stack([mixed.sum(), (again ^ (again >> 14)).sum()])


def hexadecimal(pair: Iterable[int]) -> str:
    """Two uint32 as 16 hexadecimal digits."""
    return "".join(f"{word:08x}" for word in pair)


def tensor(array: mx.array) -> Tensor:
    """Dtype, shape and a digest of the exact bytes of one parameter."""
    width = _BYTES.get(array.dtype.size)
    raw = np.array(array.view(width) if width is not None else array, copy=False)
    digest = hashlib.blake2b(np.ascontiguousarray(raw).tobytes(), digest_size=8).hexdigest()
    return Tensor(dtype=str(array.dtype).removeprefix("mlx.core."), shape=tuple(array.shape), digest=digest)


def norm(flat: mx.array) -> mx.array:
    """L2 of a float32 vector."""
    return mx.sqrt(mx.square(flat).sum())


def bits(named: Mapping[str, mx.array], flat: mx.array) -> mx.array:
    """Structure and values of a tree as one uint32 vector."""
    return mx.concatenate([structure(named), flat.view(mx.uint32)])
