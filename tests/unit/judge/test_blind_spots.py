from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.judge.blind_spots import NEVER, BlindSpot, before, during, of_probe
from parity.metrics import Stage
from parity.probe.lengths import RowFacts
from parity.probe.values import Lora, Optimizer, OptimizerName, Schedule, ScheduleName, Tuning, Workload
from tests.unit.made import HEADER, PROBE, START, step, trace

if TYPE_CHECKING:
    from parity.trace.values import Trace

ROWS = RowFacts(count=24, distinct=24, shortest=6, longest=144)
SEEING = replace(
    PROBE.workload,
    steps=5,
    accumulation=2,
    mask_prompt=True,
    lora=Lora(dropout=0.1),
    optimizer=Optimizer(weight_decay=0.01),
    schedule=Schedule(name=ScheduleName.LINEAR),
)
"""With `ROWS`, a workload without a blind spot."""


ALWAYS = [spot.what for spot in NEVER]


def rows(**changed: Any) -> RowFacts:
    return replace(ROWS, **changed)


@pytest.mark.parametrize(
    ("changed", "facts"),
    [
        ({}, ROWS),
        ({}, rows(longest=64)),
        ({}, rows(distinct=2)),
        ({}, rows(shortest=None, longest=None)),
        ({"max_seq_length": 143}, ROWS),
        ({"steps": 6}, ROWS),
        ({"tuning": Tuning.DORA}, ROWS),
        ({"lora": Lora(dropout=1e-9)}, ROWS),
        ({"optimizer": Optimizer(weight_decay=1e-9, learning_rate=1e-9)}, ROWS),
        ({"schedule": Schedule(warmup=1)}, ROWS),
        ({"schedule": Schedule(name=ScheduleName.COSINE)}, ROWS),
    ],
)
def test_what_can_be_seen_is_no_blind_spot(changed: dict[str, Any], facts: RowFacts) -> None:
    assert before(replace(SEEING, **changed), facts) == ()


@pytest.mark.parametrize(
    ("facts", "spots"),
    [
        (RowFacts(count=24, distinct=1), [("order and padding", "all 24 rows are equal")]),
        (rows(distinct=1, shortest=64, longest=64), [("order and padding", "all 24 rows are equal")]),
        (
            rows(distinct=1, shortest=17, longest=17),
            [("order and padding", "all 24 rows are equal"), ("truncation", "no row reaches max_seq_length 64")],
        ),
        (rows(shortest=65), [("padding", "every row reaches max_seq_length 64")]),
        (rows(shortest=80, longest=80), [("padding", "every row reaches max_seq_length 64")]),
        (rows(shortest=64, longest=144), [("padding", "every row reaches max_seq_length 64")]),
        (rows(longest=63), [("truncation", "no row reaches max_seq_length 64")]),
        (
            rows(shortest=17, longest=17),
            [("padding", "every row has 17 tokens"), ("truncation", "no row reaches max_seq_length 64")],
        ),
    ],
)
def test_rows_that_cannot_show_a_part_of_batching(facts: RowFacts, spots: list[tuple[str, str]]) -> None:
    found = before(SEEING, facts)
    assert [(spot.what, spot.because) for spot in found] == spots
    assert {spot.stage for spot in found} == {Stage.BATCH}


@pytest.mark.parametrize(
    ("changed", "count", "because"),
    [
        ({"steps": 5, "accumulation": 2}, 65, "training ends with batch 10 of 10 of the first"),
        ({"steps": 5, "accumulation": 2, "batch_size": 1}, 24, "training ends with batch 10 of 24 of the first"),
        ({"steps": 5, "accumulation": 2}, 59, None),
    ],
)
def test_a_second_epoch_that_is_never_reached(changed: dict[str, Any], count: int, because: str | None) -> None:
    found = before(replace(SEEING, **{"batch_size": 6} | changed), rows(count=count))
    assert [(spot.stage, spot.what, spot.because) for spot in found] == (
        [] if because is None else [(Stage.BATCH, "a second epoch", because)]
    )


def test_two_arms_that_are_declared_alike_show_no_difference_between_trainers() -> None:
    probe = replace(PROBE, workload=SEEING, candidate=PROBE.reference)
    what = "any difference between two trainers"
    alike = BlindSpot(stage=Stage.LOAD, what=what, because="both arms are declared alike")
    assert of_probe(probe, same) == (alike, *NEVER)


@pytest.mark.parametrize(
    ("changed", "spot"),
    [
        ({"lora": Lora()}, ("forward", "dropout", "it is 0")),
        ({"tuning": Tuning.FULL}, ("forward", "dropout", "tuning is full")),
        ({"tuning": Tuning.FULL, "lora": Lora()}, ("forward", "dropout", "it is 0")),
        ({"mask_prompt": False}, ("loss", "prompt masks", "mask_prompt is off")),
        ({"accumulation": 1}, ("gradient", "accumulation", "one pass per update")),
        ({"steps": 4}, ("clip", "a bound that binds only later", "fewer than 5 steps")),
        ({"schedule": Schedule()}, ("schedule", "the schedule", "the learning rate is constant")),
        (
            {"optimizer": Optimizer(weight_decay=0.01, learning_rate=0.0)},
            ("update", "every update", "the learning rate is 0"),
        ),
        ({"optimizer": Optimizer()}, ("update", "weight decay", "it is 0")),
    ],
)
def test_a_setting_that_hides_its_stage(changed: dict[str, Any], spot: tuple[str, str, str]) -> None:
    (found,) = before(replace(SEEING, **changed), ROWS)
    assert (found.stage, found.what, found.because) == spot


@pytest.mark.parametrize("name", [OptimizerName.ADAMW, OptimizerName.ADAM])
def test_one_step_of_adam_hides_the_size_of_a_gradient_and_two_do_not(name: OptimizerName) -> None:
    workload = replace(SEEING, optimizer=replace(SEEING.optimizer, name=name))
    one, two = ([spot.what for spot in before(replace(workload, steps=steps), ROWS)] for steps in (1, 2))
    assert one == [*two, "the size of a gradient"]


@pytest.mark.parametrize("name", sorted(set(OptimizerName) - {OptimizerName.ADAMW, OptimizerName.ADAM}))
def test_one_step_of_another_optimizer_is_not_explained_by_adam(name: OptimizerName) -> None:
    spots = before(replace(SEEING, steps=1, optimizer=replace(SEEING.optimizer, name=name)), ROWS)
    assert spots
    assert not any("Adam" in spot.because for spot in spots)


@given(
    st.builds(
        replace,
        st.just(SEEING),
        steps=st.integers(1, 9),
        tuning=st.sampled_from(Tuning),
        accumulation=st.integers(1, 2),
        mask_prompt=st.booleans(),
        lora=st.builds(Lora, dropout=st.sampled_from([0.0, 0.1])),
        optimizer=st.builds(Optimizer, weight_decay=st.sampled_from([0.0, 0.1])),
        schedule=st.builds(Schedule, name=st.sampled_from(ScheduleName)),
    ),
    st.builds(rows, distinct=st.integers(1, 2), shortest=st.just(17), longest=st.integers(17, 99)),
)
def test_blind_spots_come_in_the_order_of_the_flow(workload: Any, facts: RowFacts) -> None:
    stages = [spot.stage for spot in before(workload, facts)]
    assert stages == sorted(stages, key=list(Stage).index)


def same(_workload: Workload) -> RowFacts:
    return ROWS


@pytest.mark.parametrize("side", ["reference", "candidate"])
def test_what_one_arm_does_on_purpose_is_seen(side: str) -> None:
    shared = replace(SEEING, accumulation=1, mask_prompt=False)
    probe = replace(PROBE, workload=shared)
    assert [spot.what for spot in of_probe(probe, same)] == ["prompt masks", "accumulation", *ALWAYS]
    other = replace(getattr(probe, side), workload=replace(shared, accumulation=2))
    assert [spot.what for spot in of_probe(replace(probe, **{side: other}), same)] == ["prompt masks", *ALWAYS]


def test_workloads_of_both_arms_replace_the_shared_one() -> None:
    own = {side: replace(getattr(PROBE, side), workload=SEEING) for side in ("reference", "candidate")}
    assert of_probe(replace(PROBE, **own), same) == NEVER


def test_what_neither_arm_shows_is_told_in_the_words_of_the_reference() -> None:
    probe = replace(PROBE, workload=replace(SEEING, max_seq_length=145))
    wider = replace(probe.candidate, workload=replace(SEEING, max_seq_length=200))
    spot, *_ = of_probe(replace(probe, candidate=wider), same)
    assert spot.because == "no row reaches max_seq_length 145"


@pytest.mark.parametrize("side", ["reference", "candidate"])
def test_the_rows_are_those_that_each_arm_reads(side: str) -> None:
    facts = {SEEING.data: rows(longest=63), "/equal": RowFacts(count=8, distinct=1, shortest=5, longest=5)}
    probe = replace(PROBE, workload=replace(SEEING, data="/equal"))
    varied = replace(getattr(probe, side), workload=SEEING)
    spots = of_probe(replace(probe, **{side: varied}), lambda workload: facts[workload.data])
    assert [spot.what for spot in spots] == ["truncation", *ALWAYS]


def clipped(*received: float, clip: str | None = "norm 1", arm: str = "candidate") -> Trace:
    """Every raw norm is 2.0."""
    steps = [step(at, grad_norm=2.0, clipped_norm=norm) for at, norm in enumerate(received, start=1)]
    effective = START.effective if clip is None else {**START.effective, "clip": clip}
    return trace(*steps, header=replace(HEADER, arm=arm), start=replace(START, effective=effective))


UNCLIPPED = clipped(2.0, 2.0, clip="none", arm="reference")
LOOSE = clipped(2.0, 2.0, clip="value 5", arm="reference")


@pytest.mark.parametrize("received", [(2.0, 2.0), (2.0 + 2e-6, 2.0), (2.0, 2.0 - 2e-6)])
def test_a_bound_that_never_binds_is_a_blind_spot(received: tuple[float, float]) -> None:
    (spot,) = during(UNCLIPPED, clipped(*received))
    assert str(spot) == "clipping (clip: the candidate's bound, norm 1, never binds in 2 steps)"


def test_every_bound_is_named() -> None:
    (one,), (both,) = during(LOOSE, clipped(2.0, 2.0, clip="none")), during(LOOSE, clipped(2.0, 2.0))
    assert one.because == "the reference's bound, value 5, never binds in 2 steps"
    assert both.because == "the reference's bound, value 5, and the candidate's bound, norm 1, never bind in 2 steps"


@pytest.mark.parametrize(
    "seen", [clipped(2.0, clip="none"), clipped(2.0, clip=None), trace(start=None)], ids=["none", "unsaid", "no start"]
)
def test_a_bound_that_is_not_there_is_no_blind_spot(seen: Trace) -> None:
    assert during(UNCLIPPED, seen) == ()


@pytest.mark.parametrize(
    "received",
    [(2.0, 1.0, 2.0), (2.0, 2.0 - 2e-4), (2.0, 2.0 + 2e-4), (2.0, nan), (2.0, inf)],
    ids=["binds once", "a little", "a little up", "NaN", "infinity"],
)
def test_a_bound_that_binds_in_either_arm_is_seen(received: tuple[float, ...]) -> None:
    reference, candidate = (clipped(*received, arm=arm) for arm in ("reference", "candidate"))
    assert during(UNCLIPPED, candidate) == during(LOOSE, candidate) == ()
    assert during(reference, clipped(2.0, 2.0)) == during(reference, clipped(2.0, clip="none")) == ()


@pytest.mark.parametrize(("norm", "spots"), [(nan, 0), (inf, 0), (0.0, 1)])
def test_a_gradient_of_nan_says_nothing_of_a_bound_and_one_of_zero_does_not_bind(norm: float, spots: int) -> None:
    seen = replace(clipped(), steps=(step(1, grad_norm=norm, clipped_norm=norm),))
    assert len(during(UNCLIPPED, seen)) == spots


def test_a_blind_spot_in_words() -> None:
    (spot,) = before(SEEING, RowFacts(count=24, distinct=1))
    assert str(spot) == "order and padding (batch: all 24 rows are equal)"
