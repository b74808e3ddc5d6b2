"""Two snapshots: the first stage with a finding, and how far apart its tensors are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.lab.replay.contrast import Kept, Snapshot, contrast, tensors_of
from parity.metrics import Stage


def kept(values: object, dtype: str = "float32") -> Kept:
    return Kept(values=np.array(values, np.float32), dtype=dtype)


def snapshot(gradient: object, received: object, params: object = (0.0,), *, rate: float = 0.1) -> Snapshot:
    return Snapshot(
        groups=(
            (Stage.FORWARD, "logits", {"logits": kept([[1.0, 2.0]])}),
            (Stage.GRADIENT, "gradient", {"w": kept(gradient)}),
            (Stage.CLIP, "gradient that the optimizer receives", {"w": kept(received)}),
            (Stage.UPDATE, "parameters after the update", {"w": kept(params)}),
        ),
        batch=(np.array([[1, 2, 3]]), np.array([[0, 3]])),
        rate=rate,
    )


PLAIN = snapshot([3.0, -0.5, 0.0], [3.0, -0.5, 0.0])


def found(candidate: Snapshot, reference: Snapshot = PLAIN) -> tuple[Stage | None, tuple[str, ...]]:
    evidence = contrast(reference, candidate, step=4, text=str)
    assert evidence.step == 4
    return evidence.stage, evidence.equal


def test_nothing_differs() -> None:
    assert found(PLAIN) == (
        None,
        (
            "batch",
            "logits",
            "gradient",
            "gradient that the optimizer receives",
            "learning rate",
            "parameters after the update",
        ),
    )


def test_it_stops_at_the_first_stage_with_a_finding() -> None:
    assert found(snapshot([3.0, -0.5, 1.0], [9.0, 9.0, 9.0], rate=1.0)) == (Stage.GRADIENT, ("batch", "logits"))
    assert found(replace(PLAIN, rate=0.2))[0] is Stage.SCHEDULE
    assert found(snapshot([3.0, -0.5, 0.0], [3.0, -0.5, 0.0], [1.0]))[0] is Stage.UPDATE
    assert found(replace(PLAIN, batch=(np.array([[1, 2, 4]]), np.array([[0, 3]]))))[0] is Stage.BATCH


@pytest.mark.parametrize(
    ("received", "changed", "greatest", "factor"),
    [([1.0, -0.5, 0.0], 1, 1.0, None), ([1.5, -0.25, 0.0], 2, 1.5, 0.5)],
)
def test_what_clipping_did_is_told_from_before_and_after(
    received: list[float], changed: int, greatest: float, factor: float | None
) -> None:
    evidence = contrast(PLAIN, snapshot([3.0, -0.5, 0.0], received), step=1, text=str)
    assert evidence.stage is Stage.CLIP
    assert evidence.clipping is not None
    left, right = evidence.clipping
    assert (left.changed, left.factor) == (0, 1.0)
    assert (right.changed, right.clipped_greatest, right.factor) == (changed, greatest, factor)


def test_a_tensor_says_count_index_values_and_distances() -> None:
    (each,) = tensors_of("w", {"a": kept([[1.0, 2.0], [0.0, 4.0]])}, {"a": kept([[1.0, 3.0], [0.5, 4.0]])}).worst
    assert (each.unequal, each.elements, each.at, each.values) == (2, 4, (0, 1), (2.0, 3.0))
    assert (each.max_abs, each.max_relative) == (1.0, 0.5)
    assert each.max_ulp == 0x3F000000


def test_ulps_are_counted_in_the_numbers_of_the_dtype() -> None:
    (each,) = tensors_of("w", {"a": kept([1.0], "bfloat16")}, {"a": kept([1.0078125], "bfloat16")}).worst
    assert (each.max_ulp, each.reference) == (1, "bfloat16 [1]")
    (each,) = tensors_of("w", {"a": kept([1.0], "float16")}, {"a": kept([1.0009765625], "float16")}).worst
    assert each.max_ulp == 1


def test_missing_extra_shapes_and_dtypes_hide_nothing_of_each_other() -> None:
    reference = {"gone": kept([1.0]), "shape": kept([1.0, 2.0]), "dtype": kept([1.0], "bfloat16"), "same": kept([1.0])}
    candidate = {"new": kept([1.0]), "shape": kept([1.0]), "dtype": kept([1.0]), "same": kept([1.0])}
    of = tensors_of("w", reference, candidate)
    assert (of.missing, of.extra) == (("gone",), ("new",))
    assert (of.compared, of.differing, of.dtypes_alone) == (3, 2, 1)
    by_name = {each.name: each for each in of.worst}
    assert by_name["shape"].max_abs is None
    assert (by_name["dtype"].unequal, by_name["dtype"].max_ulp) == (0, None)


floats = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(left=st.lists(floats, min_size=1, max_size=6), data=st.data())
def test_what_is_equal_is_never_a_finding_and_what_differs_always_is(left: list[float], data: st.DataObject) -> None:
    right = data.draw(st.lists(floats, min_size=len(left), max_size=len(left)))
    of = tensors_of("w", {"a": kept(left)}, {"a": kept(right)})
    unequal = sum(one != other for one, other in zip(kept(left).values, kept(right).values, strict=True))
    assert of.differing == bool(unequal)
    assert [each.unequal for each in of.worst] == ([unequal] if unequal else [])
