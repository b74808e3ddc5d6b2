from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.lab.fingerprint import fingerprint, flat_float32, hexadecimal, structure, tensor, words

vectors = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40)


def of(values: list[int]) -> str:
    pair: list[int] = fingerprint(mx.array(values, mx.uint32)).tolist()  # type: ignore[assignment]
    return hexadecimal(pair)


@settings(max_examples=50)
@given(vectors, st.data())
def test_a_single_flipped_bit_is_seen(values: list[int], data: st.DataObject) -> None:
    flipped = list(values)
    flipped[data.draw(st.integers(0, len(values) - 1))] ^= 1 << data.draw(st.integers(0, 31))
    assert of(flipped) != of(values)


def test_two_flipped_signs_are_seen() -> None:
    """A sum of words with odd weights is blind to this: twice 2³¹ is nothing."""
    assert of([1, 2, 3]) != of([1 | 1 << 31, 2 | 1 << 31, 3])


def test_zeros_of_both_signs_are_one_number() -> None:
    flat = [flat_float32({"a": mx.array([zero, 1.0])}) for zero in (0.0, -0.0)]
    prints = [mx.compile(lambda vector: fingerprint(vector.view(mx.uint32)))(vector).tolist() for vector in flat]
    assert prints[0] == prints[1]


def test_order_is_seen() -> None:
    assert of([1, 2]) != of([2, 1])


@settings(max_examples=20)
@given(vectors)
def test_it_is_one_in_eager_and_compiled_graphs(values: list[int]) -> None:
    vector = mx.array(values, mx.uint32)
    assert mx.compile(fingerprint)(vector).tolist() == fingerprint(vector).tolist()


@settings(max_examples=20)
@given(vectors)
def test_it_is_the_documented_formula_on_every_release(values: list[int]) -> None:
    """Python's own integers, so that traces of two releases of MLX can be compared."""
    first = second = 0
    for position, word in enumerate(values, start=1):
        mixed = (word + position * 739_391) % 2**32
        mixed = (mixed ^ mixed >> 16) * 668_265 % 2**32
        mixed = (mixed ^ mixed >> 13) * 374_761 % 2**32
        mixed ^= mixed >> 16
        again = (mixed ^ mixed >> 15) * 805_459 % 2**32
        first, second = first + mixed, second + (again ^ again >> 14)
    assert of(values) == hexadecimal([first % 2**32, second % 2**32])


def test_shapes_are_part_of_integer_arrays() -> None:
    wide, tall = mx.zeros((2, 3), mx.int32), mx.zeros((3, 2), mx.int32)
    assert words([wide]).tolist() != words([tall]).tolist()


def test_floats_in_a_batch_are_not_rounded() -> None:
    assert words([mx.array([0.25])]).tolist() != words([mx.array([0.75])]).tolist()
    assert words([mx.array([1.0])]).tolist() != words([mx.array([1])]).tolist()


@pytest.mark.parametrize(
    "other",
    [{"b": mx.zeros(2)}, {"a": mx.zeros((1, 2))}, {"a": mx.zeros(2, mx.bfloat16)}],
    ids=["name", "shape", "dtype"],
)
def test_structure_is_name_shape_and_dtype(other: dict[str, mx.array]) -> None:
    assert structure({"a": mx.zeros(2)}).tolist() != structure(other).tolist()


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16, mx.float16, mx.int32, mx.uint8, mx.bool_])
def test_a_tensor_has_the_digest_of_its_bytes(dtype: mx.Dtype) -> None:
    made = tensor(mx.array([[0, 1], [1, 0]]).astype(dtype))
    assert made.shape == (2, 2)
    assert made.dtype == str(dtype).removeprefix("mlx.core.")
    assert made == tensor(mx.array(np.array([[0, 1], [1, 0]])).astype(dtype))
    assert made.digest != tensor(mx.array([[0, 1], [1, 1]]).astype(dtype)).digest
