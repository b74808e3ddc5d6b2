from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.judge.blind_spots import BlindSpot
from parity.judge.outcomes import judge_rates, judge_shift
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.report.wording import blind_spots, discordant, number, place, rounded_up, setting, signed, ulps, values

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


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("value 1.0", "value 1.0"),
        (1.00000012, "1.00000012"),
        (math.nan, "nan"),
        (16, "16"),
        (True, "True"),
        (None, "None"),
        ([], ""),
        ([0.5], "0.5"),
        ([0.9, 0.999], "0.9, 0.999"),
        ([0.5, 0.5], "0.5, 0.5"),
        ([0.001] * 30, "0.001 × 30"),
        (["bfloat16", "float32"], "bfloat16, float32"),
        ([1, 2, 3, 4, 5, 6], "1, 2, 3, 4, 5, 6"),
        ([1, 2, 3, 4, 5, 6, 7], "1, 2, 3, 4, 5, 6, … (7 in all)"),
        ([[6, 33], [6, 2]], "[6, 33], [6, 2]"),
        ([[6, 33]], "[6, 33]"),
        ([[6, 33]] * 3, "[6, 33] × 3"),
    ],
)
def test_a_setting_is_told_short_and_whole(value: object, said: str) -> None:
    assert setting(value) == said


def test_what_cannot_be_shown_is_one_line_with_the_stage_and_the_reason_of_each() -> None:
    spots = (
        BlindSpot(stage=Stage.BATCH, what="order and padding", because="all 64 rows are equal"),
        BlindSpot(stage=Stage.FORWARD, what="dropout", because="it is 0"),
    )
    assert blind_spots(spots) == "order and padding (batch: all 64 rows are equal); dropout (forward: it is 0)"
    assert blind_spots(()) == ""


def test_the_seeds_at_which_two_arms_differ_are_named_by_arm() -> None:
    yes, no, mixed = dict.fromkeys((1, 7, 42), True), dict.fromkeys((1, 7, 42), False), {1: False, 7: True, 42: False}
    assert discordant(judge_rates(mixed, no)) == ["yes in the reference only: seeds 7"]
    assert discordant(judge_rates(mixed, yes)) == ["yes in the candidate only: seeds 1, 42"]
    assert discordant(judge_rates({1: True, 7: False}, {1: False, 7: True})) == [
        "yes in the reference only: seeds 1",
        "yes in the candidate only: seeds 7",
    ]


def test_where_no_seed_can_be_named_none_is() -> None:
    assert discordant(judge_rates({1: True}, {1: True})) == []
    assert discordant(judge_rates({1: True}, {2: False})) == []  # not the same seeds
    assert discordant(judge_shift({1: 0.5}, {1: 0.25})) == []
