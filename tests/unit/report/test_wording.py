from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.probe.values import Stage
from parity.report.wording import number, place, rounded_up, signed, ulps, values
from parity.verdict import FirstDivergence

AT = FirstDivergence(
    step=0, stage=Stage.LOAD, metric="base", reference="", candidate="", delta=None, ulp=None, detail="2 of 9 tensors"
)


@pytest.mark.parametrize(
    ("reference", "candidate", "said"),
    [
        ("bfloat16[64] aa", "float32[64] bb", "bfloat16[64] → float32[64] (2 of 9 tensors)"),
        ("bfloat16[64] aa", "bfloat16[64] bb", "bfloat16[64] aa → bb (2 of 9 tensors)"),
        ("bfloat16[64, 8] aa", "bfloat16[64, 8] bb", "bfloat16[64, 8] aa → bb (2 of 9 tensors)"),
        ("float32[8] aa", "absent", "float32[8] → absent (2 of 9 tensors)"),
    ],
)
def test_a_tensor_is_told_by_what_differs(reference: str, candidate: str, said: str) -> None:
    assert values(replace(AT, reference=reference, candidate=candidate)) == said


def test_nine_digits_tell_any_two_float32_apart() -> None:
    assert number(1.00000012) != number(1.0)
    assert number(0.0010000000474974513) == "0.00100000005"
    assert number(None) == place(None) == signed(None) == ulps(None) == "–"


@given(st.floats(min_value=1e-30, max_value=1e30))
def test_a_suggested_tolerance_is_never_too_small_and_hardly_larger(size: float) -> None:
    assert size <= float(rounded_up(size)) <= size * 1.0011


def test_a_delta_has_its_sign() -> None:
    assert (signed(-0.25), signed(0.25)) == ("−0.25", "+0.25")


def test_a_place_is_step_stage_and_metric() -> None:
    assert place(AT) == "step 0 · load · base"
    assert place(replace(AT, stage=None, metric="epoch")) == "step 0 · epoch"
