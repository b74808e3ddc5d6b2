from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from parity.judge.effective import Difference, Warned, differences, warnings
from parity.metrics import Stage
from parity.probe.values import Arm, ArmName, Lora, Optimizer, OptimizerName, Schedule, ScheduleName, Tuning
from parity.trace.values import Ignored, Trace
from tests.unit.made import HEADER, PROBE, START, step, trace

LEFT = Arm(provider="mlx-lm")
RIGHT = Arm(provider="unsloth-zoo")


def traced(arm: Arm, effective: dict[str, Any], rates: tuple[float, ...] = (0.5, 0.25)) -> Trace:
    """A trace whose header declares the arm as a cell writes it and a file gives it back."""
    declared = asdict(arm) | {"workload": asdict(arm.workload or PROBE.workload)}
    return trace(
        *(step(number, lr=rate) for number, rate in enumerate(rates, start=1)),
        header=replace(HEADER, declared=json.loads(json.dumps(declared))),
        start=replace(START, effective=effective),
    )


def asks(**changed: Any) -> Arm:
    return replace(RIGHT, **changed)


def sets(**settings: Any) -> Arm:
    return asks(settings=settings)


def passes(**keywords: Any) -> Arm:
    return asks(keywords={"a function of the library": keywords})


def takes(*stages: Stage, of: str = "another", by: Arm = RIGHT) -> Arm:
    return replace(by, stages=dict.fromkeys(stages, of))


def works(**changed: Any) -> Arm:
    return replace(RIGHT, workload=replace(PROBE.workload, **changed))


BOUNDS = ("clip_grad_norm", "max_grad_norm", "max_grad_value", "max_grad_leaf_norm")
ADAPT = takes(Stage.ADAPT)
BATCH = takes(Stage.BATCH)
FULL = works(tuning=Tuning.FULL)
NEUTRAL = (RIGHT, sets(report_grad_norm=True), works(gradient_checkpointing=True))
LENT = (Stage.LOSS, Stage.UPDATE, Stage.ADAPT)
ASKED: dict[str, list[Arm]] = {
    "clip": [*(sets(**{bound: 1.0}) for bound in BOUNDS), takes(Stage.CLIP)],
    "max_grad_value": [sets(max_grad_value=1.0)],
    "dtype.base": [sets(dtype="float32"), works(model="/another"), takes(Stage.LOAD), takes(Stage.FORWARD)],
    "dtype.trainable": [FULL, ADAPT],
    "loss": [sets(use_cce=True), takes(Stage.LOSS)],
    "use_cce": [passes(use_cce=True)],
    "batch_shapes": [works(batch_size=2), works(max_seq_length=8), works(data="/b"), works(mask_prompt=True), BATCH],
    "accumulation": [works(accumulation=2)],
    "lora.rank": [works(lora=Lora(rank=2)), passes(r=2), FULL, ADAPT],
    "lora.layers": [works(lora=Lora(layers=2)), passes(finetune_last_n_layers=2), FULL, ADAPT],
    "lora.scale": [works(lora=Lora(scale=0.5)), passes(lora_alpha=2), FULL, ADAPT],
    "lora.dropout": [works(lora=Lora(dropout=0.5)), passes(lora_dropout=0.5), FULL, ADAPT],
    "trainable.tensors": [works(lora=Lora(layers=2)), works(lora=Lora(modules=("self_attn.q_proj",))), ADAPT],
    "trainable.values": [works(lora=Lora(rank=2)), ADAPT],
    "optimizer.class": [works(optimizer=Optimizer(name=OptimizerName.LION)), passes(optim="lion"), takes(Stage.UPDATE)],
    "optimizer.weight_decay": [works(optimizer=Optimizer(weight_decay=0.1)), takes(Stage.UPDATE)],
    "optimizer.betas": [works(optimizer=Optimizer(betas=(0.5, 0.9)))],
    "optimizer.eps": [takes(Stage.UPDATE)],
    "gradient_accumulation_steps": [works(accumulation=2), passes(gradient_accumulation_steps=2)],
    "per_device_train_batch_size": [works(batch_size=2), passes(per_device_train_batch_size=2)],
    "lr_scheduler_type": [works(schedule=Schedule(name=ScheduleName.LINEAR)), sets(lr_scheduler_type="linear")],
    "warmup_steps": [works(schedule=Schedule(warmup=1)), passes(warmup_steps=1)],
    "weight_decay": [works(optimizer=Optimizer(weight_decay=0.1)), passes(weight_decay=0.1)],
    "compile_mode": [works(compile=False), passes(compile_mode="eager")],
    "completion_only_loss": [works(mask_prompt=True), passes(completion_only_loss=True)],
}
"""By effective name, what asks for it."""


@pytest.mark.parametrize(("name", "candidate"), [(name, arm) for name, arms in ASKED.items() for arm in arms])
def test_a_difference_that_the_probe_asks_for_is_declared(name: str, candidate: Arm) -> None:
    found = differences(traced(LEFT, {name: "this"}), traced(candidate, {name: "that"}))
    assert found == (Difference(name=name, reference="this", candidate="that", declared=True),)


@pytest.mark.parametrize(
    ("name", "candidate"),
    [
        *((name, arm) for name in [*ASKED, "a.word.of.the.library"] for arm in NEUTRAL),
        ("clip", FULL),
        ("loss", sets(max_grad_value=1.0)),
        ("dtype.base", works(lora=Lora(layers=2))),
        ("batch_shapes", works(accumulation=2)),
        ("batch_shapes", takes(Stage.LOSS)),
        ("lora.layers", works(lora=Lora(rank=2))),
        ("lora.rank", passes(lora_alpha=4)),
        ("optimizer.weight_decay", works(optimizer=Optimizer(betas=(0.5, 0.9)))),
        ("use_cce", takes(Stage.CLIP)),
    ],
)
def test_a_difference_that_nothing_asks_for_is_only_effective(name: str, candidate: Arm) -> None:
    found = differences(traced(LEFT, {name: 1}), traced(candidate, {name: 2}))
    assert found == (Difference(name=name, reference=1, candidate=2, declared=False),)


@pytest.mark.parametrize(
    ("reference", "candidate", "declared"),
    [
        (LEFT, takes(*LENT, of="mlx-lm"), False),
        (takes(*LENT, of="unsloth-zoo", by=LEFT), RIGHT, False),
        (takes(*LENT, by=LEFT), takes(*LENT), False),
        (LEFT, takes(*LENT, of="mlx-lm", by=LEFT), False),
        (LEFT, takes(*LENT, of="unsloth-zoo", by=LEFT), True),
        (takes(*LENT, of="mlx-lm"), RIGHT, True),
        (takes(*LENT, of="unsloth-zoo", by=LEFT), takes(*LENT, of="mlx-lm"), True),
        (LEFT, takes(*LENT), True),
    ],
)
@pytest.mark.parametrize("name", ["loss", "optimizer.eps", "lora.rank"])
def test_a_stage_explains_a_difference_where_its_lenders_differ(
    name: str, reference: Arm, candidate: Arm, declared: bool
) -> None:
    found = differences(traced(reference, {name: 1}), traced(candidate, {name: 2}))
    assert [each.declared for each in found] == [declared]


def test_what_both_arms_ask_for_alike_explains_no_difference() -> None:
    left, right = (traced(sets(max_grad_value=1.0), {"clip": clip}) for clip in ("value 1", "none"))
    assert [each.declared for each in differences(left, right)] == [False]


def test_equal_configurations_have_no_difference_whatever_is_declared() -> None:
    effective = {"clip": "none", "lora.layers": 16, "optimizer.betas": [0.9, 0.999]}
    candidate = replace(works(lora=Lora(layers=2)), settings={"max_grad_value": 1.0})
    assert differences(traced(LEFT, effective), traced(candidate, dict(effective))) == ()


def test_what_only_one_side_knows_is_left_out() -> None:
    left = traced(LEFT, {"clip": "none", "only.left": 1})
    right = traced(RIGHT, {"only.right": 2, "clip": "value 1"})
    assert [each.name for each in differences(left, right)] == ["clip"]
    assert [each.name for each in differences(right, left)] == ["clip"]


def test_differences_come_in_the_order_of_the_reference() -> None:
    left = traced(LEFT, {"b": 1, "a": 1}, rates=(0.5,))
    right = traced(RIGHT, {"a": 2, "b": 2}, rates=(0.25,))
    assert [each.name for each in differences(left, right)] == ["b", "a", "lr"]


@pytest.mark.parametrize(
    ("candidate", "declared"),
    [
        (RIGHT, False),
        (works(optimizer=Optimizer(weight_decay=0.1)), False),
        (works(optimizer=Optimizer(learning_rate=0.5)), True),
        (works(schedule=Schedule(warmup=1)), True),
        (works(schedule=Schedule(name=ScheduleName.LINEAR)), True),
        (takes(Stage.SCHEDULE), True),
        (takes(Stage.SCHEDULE, of="mlx-lm"), False),
        (sets(lr_scheduler_type="cosine"), True),
    ],
)
def test_learning_rates_are_compared_by_step(candidate: Arm, declared: bool) -> None:
    left, right = traced(LEFT, {}, rates=(0.5, 0.25)), traced(candidate, {}, rates=(0.5, 0.125))
    assert differences(left, right) == (
        Difference(name="lr", reference=[0.5, 0.25], candidate=[0.5, 0.125], declared=declared),
    )


def test_a_trace_without_a_start_has_its_learning_rates_only() -> None:
    cut = replace(traced(LEFT, {"clip": "none"}), start=None)
    assert differences(cut, traced(RIGHT, {"clip": "value 1"})) == ()
    assert [each.name for each in differences(cut, traced(RIGHT, {}, rates=(0.5,)))] == ["lr"]


def ignored(name: str, asked: Any = 2, effective: Any = None) -> Ignored:
    return Ignored(name=name, asked=asked, effective=effective, why="why")


def warned(*names: str) -> Trace:
    return trace(start=replace(START, ignored=tuple(map(ignored, names))))


def test_warnings_are_those_of_the_reference_and_then_of_the_candidate() -> None:
    traces = {
        ArmName.REFERENCE_AGAIN: warned("left"),
        ArmName.CANDIDATE: warned("right", "more"),
        ArmName.REFERENCE: warned("left"),
    }
    assert warnings(traces) == (
        Warned(arm=ArmName.REFERENCE, ignored=ignored("left")),
        Warned(arm=ArmName.CANDIDATE, ignored=ignored("right")),
        Warned(arm=ArmName.CANDIDATE, ignored=ignored("more")),
    )


def test_an_arm_that_did_not_start_warns_of_nothing() -> None:
    assert warnings({}) == ()
    assert warnings({ArmName.REFERENCE: trace(start=None), ArmName.CANDIDATE: warned()}) == ()


@pytest.mark.parametrize(
    ("asked", "effective", "said"),
    [
        ("adamw_8bit", "adamw", "asks for 'adamw_8bit'; 'adamw' takes effect"),
        (2, None, "asks for 2; it has no effect"),
        (False, 0, "asks for False; 0 takes effect"),
        (None, 1.0, "does not set it; 1.0 takes effect"),
    ],
    ids=["another value", "nothing", "values that are false", "None that means something"],
)
def test_a_warning_says_what_was_asked_and_what_runs(asked: Any, effective: Any, said: str) -> None:
    warning = Warned(arm=ArmName.CANDIDATE, ignored=ignored("get_peft_model.layers", asked, effective))
    assert str(warning) == f"ignored: get_peft_model.layers: the candidate {said} (why)"
