from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.judge.blind_spots import during
from parity.judge.diff import diff, recording
from parity.judge.saved import saved_otherwise
from parity.judge.verdict import FirstDivergence, Thresholds, judge
from parity.metrics import Stage
from parity.probe.values import ArmName, VerdictKind
from tests.unit.made import END, TRAINED, trace

if TYPE_CHECKING:
    from parity.trace.values import End, Tensor, Trace

OTHER = {name: replace(each, digest="44") for name, each in TRAINED.items()}
HALF = {name: replace(each, dtype="bfloat16") for name, each in TRAINED.items()}
NOTHING = replace(END, saved=None, saved_settings=None)


def ended(end: End) -> Trace:
    return trace(end=end)


def first(reference: Trace, candidate: Trace) -> FirstDivergence | None:
    delta = diff(recording(reference), recording(candidate))
    return judge(delta, again=(), thresholds=Thresholds()).first_divergence


@pytest.mark.parametrize(
    ("reference", "candidate", "metric", "values"),
    [
        (END, replace(END, saved=OTHER), "saved", ("float32[64, 8] 33", "float32[64, 8] 44")),
        (END, replace(END, saved=HALF), "saved", ("float32[64, 8] 33", "bfloat16[64, 8] 33")),
        (END, replace(END, saved={}), "saved", ("float32[64, 8] 33", "absent")),
        (NOTHING, replace(END, saved=OTHER), "saved", ("float32[64, 8] 33", "float32[64, 8] 44")),
        (END, replace(END, saved_settings={"rank": "8", "scale": "None"}), "saved_settings", ("2.0", "None")),
    ],
)
def test_what_is_saved_otherwise_diverges_at_save_after_the_last_step(
    reference: End, candidate: End, metric: str, values: tuple[str, str]
) -> None:
    at = first(ended(reference), ended(candidate))
    assert at is not None
    assert (at.step, at.stage, at.metric) == (3, Stage.SAVE, metric)
    assert (at.reference, at.candidate) == values


def test_a_scale_that_changed_after_the_last_step_diverges_at_update() -> None:
    at = first(trace(), ended(replace(END, modules={"q_proj.scale": "1.0"})))
    assert at is not None
    assert (at.step, at.stage, at.metric, at.detail) == (
        3, Stage.UPDATE, "modules_at_end", "1 of 1 values, first q_proj.scale",
    )  # fmt: skip


def test_a_mark_that_only_one_library_leaves_is_no_difference() -> None:
    assert first(trace(), ended(replace(END, modules={**END.modules, "max_seq_length": "64"}))) is None


@pytest.mark.parametrize(
    ("reference", "candidate", "spots"),
    [
        (END, END, []),
        (NOTHING, END, [("the saved settings", "the reference saved none")]),
        (END, replace(END, saved_settings=None), [("the saved settings", "the candidate saved none")]),
        (END, NOTHING, [("the saved adapter", "the candidate saved none")]),
        (NOTHING, NOTHING, [("the saved adapter", "the candidate saved none")]),
    ],
)
def test_what_was_not_saved_is_a_blind_spot_and_no_problem(
    reference: End, candidate: End, spots: list[tuple[str, str]]
) -> None:
    arms = (ended(reference), ended(candidate))
    assert [(spot.what, spot.because) for spot in during(*arms)] == spots
    delta = diff(recording(arms[0]), recording(arms[1]))
    assert judge(delta, again=(), thresholds=Thresholds()).kind is VerdictKind.IDENTICAL


def test_an_arm_that_saved_something_else_than_it_trained_is_named() -> None:
    more: dict[str, Tensor] = {**OTHER, "v_proj.lora_a": TRAINED["q_proj.lora_a"]}
    assert saved_otherwise({ArmName.REFERENCE: trace(), ArmName.CANDIDATE: ended(NOTHING)}) == ""
    assert saved_otherwise({ArmName.REFERENCE: trace(), ArmName.CANDIDATE: ended(replace(END, saved=more))}) == (
        "the candidate saved 2 of 2 tensors otherwise than trained, first q_proj.lora_a"
    )
