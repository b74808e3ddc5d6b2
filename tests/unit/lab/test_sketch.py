from __future__ import annotations

import math

import mlx.core as mx
import pytest

from parity.lab.sketch import SUMS, sketch


def drawn(seed: int, scale: float = 1.0) -> dict[str, mx.array]:
    key = mx.random.key(seed)
    return {
        "a": mx.random.normal((40, 50), key=key) * scale,
        "b": mx.random.normal((7,), dtype=mx.bfloat16, key=key) * scale,
        "c": mx.random.normal((3, 100), key=mx.random.split(key)[0]) * scale,
    }


def distance(one: dict[str, mx.array], other: dict[str, mx.array]) -> float:
    squares = [mx.square(one[name].astype(mx.float32) - other[name].astype(mx.float32)).sum() for name in one]
    return math.sqrt(sum(float(each) for each in squares))


def test_equal_values_have_equal_sketches_in_any_order() -> None:
    values = drawn(1)
    assert sketch(values) == sketch(dict(reversed(values.items())))
    assert len(sketch(values)) == SUMS


@pytest.mark.parametrize("scale", [1.0, 1e-6])
@pytest.mark.parametrize("seed", range(5))
def test_two_sketches_tell_how_far_apart_their_values_are(seed: int, scale: float) -> None:
    one = drawn(seed)
    other = {name: leaf + drawn(seed + 100, scale)[name] for name, leaf in one.items()}
    assert math.dist(sketch(one), sketch(other)) == pytest.approx(distance(one, other), rel=0.35)


def test_one_element_that_moves_is_seen_as_far_as_it_moved() -> None:
    one = drawn(3)
    other = one | {"c": one["c"].at[1, 7].add(0.5)}
    assert math.dist(sketch(one), sketch(other)) == pytest.approx(0.5, rel=1e-4)


def test_two_names_whose_values_are_exchanged_are_apart() -> None:
    one = {"a": mx.ones((64,)), "b": mx.zeros((64,))}
    assert math.dist(sketch(one), sketch({"a": one["b"], "b": one["a"]})) > 5


def test_nothing_is_all_zeros() -> None:
    assert sketch({}) == (0.0,) * SUMS
