from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.judge.diff import Recording, diff, recording
from parity.judge.problems import ProblemKind
from parity.judge.verdict import first_divergence
from parity.trace.values import Ending, Tensor
from parity.ulp import ulp_distance
from tests.unit.made import START, losses, step, trace

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1, max_size=20))
def test_a_recording_does_not_differ_from_itself(values: list[float]) -> None:
    delta = diff(losses(*values), losses(*values))
    assert delta.table["equal"].all()
    assert delta.table["delta"].abs().max() == 0.0
    assert delta.problems == ()


@given(st.lists(finite, min_size=1, max_size=20), st.data())
def test_one_altered_bit_is_found_at_its_step(values: list[float], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(values) - 1))
    altered = list(values)
    with np.errstate(over="ignore"):
        altered[index] = float(np.nextafter(np.float32(values[index]), np.float32(math.inf)))
    delta = diff(losses(*values), losses(*altered))
    unequal = delta.unequal
    assert list(unequal["step"]) == [index + 1]
    assert list(unequal["ulp"]) == [1]


def test_delta_is_candidate_minus_reference() -> None:
    row = diff(losses(2.0), losses(1.5)).table.iloc[0]
    assert (row["delta"], row["relative"]) == (-0.5, 0.25)


def test_relative_to_nothing_is_infinite() -> None:
    assert diff(losses(0.0), losses(1e-30)).table.iloc[0]["relative"] == math.inf


def test_equal_infinities_are_equal_and_others_are_infinitely_apart() -> None:
    table = diff(losses(math.inf, math.inf, 1.0), losses(math.inf, -math.inf, math.inf)).table
    assert list(table["equal"]) == [True, False, False]
    assert list(table["delta"]) == [0.0, -math.inf, math.inf]


def test_decimals_of_a_log_have_no_ulps() -> None:
    assert diff(losses(1.0, float32=False), losses(2.0)).table["ulp"].isna().all()


def test_rows_are_in_the_order_of_steps_then_of_stages() -> None:
    table = diff(recording(trace()), recording(trace())).table
    assert list(table["metric"][:3]) == ["base", "trainable", "base_at_start"]
    assert list(table["stage"][3:15]) == [
        "batch", "loss", "loss", "gradient", "gradient", "clip", "clip", "schedule", *["update"] * 3, "batch",
    ]  # fmt: skip
    assert list(table["step"][:15]) == [0, 0, 0, *[1] * 11, 2]


def test_of_two_differences_at_one_step_the_earlier_stage_comes_first() -> None:
    changed = step(2, params="f" * 16, gradient="f" * 16)
    delta = diff(recording(trace()), recording(trace(step(1), changed, step(3))))
    at = first_divergence(delta.unequal)
    assert at is not None
    assert (at.step, at.stage, at.metric) == (2, "gradient", "gradient")


@pytest.mark.parametrize(
    ("other", "shown", "detail"),
    [
        ({}, ("bfloat16[64] 11", "absent"), "1 of 1 tensors, first model.norm.weight"),
        (
            {"model.norm.weight": Tensor(dtype="float32", shape=(64,), digest="11")},
            ("bfloat16[64] 11", "float32[64] 11"),
            "1 of 1 tensors, first model.norm.weight",
        ),
    ],
)
def test_base_weights_are_compared_by_name_dtype_shape_and_bytes(
    other: dict[str, Tensor], shown: tuple[str, str], detail: str
) -> None:
    start = replace(START, loaded=other)
    at = first_divergence(diff(recording(trace()), recording(trace(start=start))).unequal)
    assert at is not None
    assert (at.step, at.stage, at.metric) == (0, "load", "base")
    assert (at.reference, at.candidate, at.detail) == (*shown, detail)


@pytest.mark.parametrize(
    ("left", "right", "kind", "detail"),
    [
        (losses(1.0, 2.0, 3.0), losses(1.0), ProblemKind.MISSING_STEP, "only the reference has steps 2 to 3"),
        (losses(1.0), losses(1.0, 2.0), ProblemKind.EXTRA_STEP, "only the candidate has step 2"),
        (
            losses(1.0),
            losses(1.0, first=7),
            ProblemKind.NO_COMMON_STEP,
            "reference has step 1, candidate has step 7",
        ),
        (losses(), losses(), ProblemKind.NO_COMMON_STEP, "reference has none, candidate has none"),
        (losses(math.nan), losses(1.0), ProblemKind.NAN_REFERENCE, "loss at step 1"),
        (losses(1.0, math.nan), losses(1.0, 1.0), ProblemKind.NAN_REFERENCE, "loss at step 2"),
        (losses(1.0), losses(math.nan), ProblemKind.NAN_CANDIDATE, "loss at step 1"),
        (losses(math.nan), losses(math.nan), ProblemKind.NAN_BOTH, "loss at step 1"),
        (losses(1.0, seed=1), losses(1.0, seed=2), ProblemKind.OTHER_SEED, "reference 1, candidate 2"),
        (losses(1.0), losses(1.0, incomplete="cut"), ProblemKind.INCOMPLETE, "candidate: cut"),
    ],
)
def test_what_cannot_be_compared_is_a_problem_of_its_own_kind(
    left: object, right: object, kind: ProblemKind, detail: str
) -> None:
    problems = diff(left, right).problems  # type: ignore[arg-type]
    assert [(problem.kind, problem.detail) for problem in problems] == [(kind, detail)]


def test_a_repeated_step_is_a_problem() -> None:
    twice = replace(losses(1.0), rows=((1, {"loss": 1.0}), (1, {"loss": 1.0})))
    assert [problem.kind for problem in diff(losses(1.0), twice).problems] == [ProblemKind.REPEATED_STEP]


def test_a_metric_on_one_side_is_a_problem() -> None:
    richer = replace(losses(1.0), rows=((1, {"loss": 1.0, "lr": 0.1}),))
    assert [str(p) for p in diff(richer, losses(1.0)).problems] == ["missing metric: lr at step 1"]
    assert [str(p) for p in diff(losses(1.0), richer).problems] == ["extra metric: lr at step 1"]


def test_a_problem_does_not_hide_the_rest() -> None:
    delta = diff(losses(1.0, 2.0, 3.0), losses(1.0, 2.5))
    assert list(delta.table["equal"]) == [True, False]
    assert [problem.kind for problem in delta.problems] == [ProblemKind.MISSING_STEP]


def test_an_incomplete_trace_says_why() -> None:
    cut = recording(trace(ending=Ending(complete=False, why="died")))
    assert [str(p) for p in diff(recording(trace()), cut).problems] == ["incomplete: candidate: died"]


VALUES = st.sampled_from([0.0, -0.0, 1.0, 1.5, math.inf, -math.inf, math.nan])
ROWS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.dictionaries(st.sampled_from(["loss", "lr", "other"]), VALUES),
    ),
    max_size=8,
)


def measured(left: dict[str, float], right: dict[str, float], step: int) -> list[tuple[object, ...]]:
    """One step, value by value."""
    found: list[tuple[object, ...]] = []
    for metric in ("loss", "lr", "other"):
        if metric in left and metric in right:
            a, b = left[metric], right[metric]
            delta = 0.0 if a == b else b - a
            relative = 0.0 if a == b else abs(delta) / abs(a) if a and math.isfinite(delta) else math.inf
            ulp = "none" if math.isnan(a) or math.isnan(b) else str(ulp_distance(a, b))
            found.append((step, metric, repr(a), repr(b), repr(delta), repr(relative), ulp, a == b))
    return found


@given(ROWS, ROWS)
def test_columns_are_measured_as_their_values_are_one_by_one(
    left: list[tuple[int, dict[str, float]]], right: list[tuple[int, dict[str, float]]]
) -> None:
    table = diff(Recording(rows=left), Recording(rows=right)).table
    found = [
        (
            int(row["step"]),
            row["metric"],
            *(repr(float(row[name])) for name in ("reference", "candidate", "delta", "relative")),
            "none" if row["ulp"] is pd.NA else str(row["ulp"]),
            row["equal"],
        )
        for _, row in table.iterrows()
    ]
    here, there = dict(left), dict(right)
    assert found == [
        each for step in sorted(here.keys() & there.keys()) for each in measured(here[step], there[step], step)
    ]


def test_many_ranges_of_steps_are_named_up_to_a_dozen() -> None:
    every_other = replace(losses(1.0), rows=[(step, {"loss": 1.0}) for step in range(1, 61, 2)])
    (problem,) = diff(losses(*[1.0] * 59), every_other).problems
    assert problem.detail == f"only the reference has steps {', '.join(map(str, range(2, 26, 2)))} and 17 more"
