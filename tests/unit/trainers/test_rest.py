from __future__ import annotations

from dataclasses import replace

import pytest

from parity.errors import BadProbeError
from parity.metrics import Stage
from parity.probe.values import Arm, Expectation, Lora, Optimizer, Outcomes, Probe, VerdictKind
from parity.trainers.rest import rest, with_rests
from tests.unit.made import PROBE

ZOO = Arm(provider="unsloth-zoo", stages={Stage.LOAD: "mlx-lm", Stage.ADAPT: "mlx-lm"}, settings={"max_grad_norm": 1.0})


def declared(*only: Stage, candidate: Arm = ZOO) -> Probe:
    expect = Expectation(verdict=VerdictKind.DIVERGED, only=only)
    return replace(PROBE, candidate=candidate, expect=expect, outcomes=Outcomes(prompt="My name is"))


def test_the_rest_does_the_declared_stages_as_the_reference_and_must_be_identical() -> None:
    probe = declared(Stage.FORWARD, Stage.CLIP)
    found = rest(probe)
    assert found is not None
    assert (found.name, found.rest_of) == (f"{probe.name}+rest", probe.name)
    assert found.candidate.stages == {**ZOO.stages, Stage.FORWARD: "mlx-lm", Stage.CLIP: "mlx-lm"}
    assert found.candidate.settings == {}
    assert found.expect.verdict is VerdictKind.IDENTICAL
    assert found.outcomes is None
    assert (found.workload, found.reference) == (probe.workload, probe.reference)


def test_a_run_has_each_rest_right_after_its_probe() -> None:
    probe, other = declared(Stage.FORWARD), replace(PROBE, name="current/other")
    assert [each.name for each in with_rests([probe, other])] == [probe.name, f"{probe.name}+rest", "current/other"]


@pytest.mark.parametrize(
    ("candidate", "stage"),
    [
        (Arm(provider="mlx-lm", stages={Stage.LOSS: "unsloth-zoo"}), Stage.LOSS),
        (Arm(provider="mlx-lm", workload=replace(PROBE.workload, lora=Lora(layers=18))), Stage.ADAPT),
    ],
)
def test_there_is_no_rest_where_the_arms_are_declared_alike_in_all_else(candidate: Arm, stage: Stage) -> None:
    assert rest(declared(stage, candidate=candidate)) is None


def test_there_is_none_where_no_stages_are_named() -> None:
    assert rest(declared()) is None


@pytest.mark.parametrize(
    ("candidate", "stage", "said"),
    [
        (ZOO, Stage.LOAD, "expect.only: the arms are declared alike in 'load'; name stages that differ"),
        (ZOO, Stage.GRADIENT, "expect.only: 'unsloth-zoo' cannot take 'gradient' from 'mlx-lm'"),
        (
            Arm(provider="mlx-lm-train"),
            Stage.SCHEDULE,
            "expect.only: 'mlx-lm-train' cannot take 'schedule' from 'mlx-lm'",
        ),
    ],
)
def test_a_stage_that_cannot_be_taken_is_one_line(candidate: Arm, stage: Stage, said: str) -> None:
    with pytest.raises(BadProbeError) as raised:
        rest(declared(stage, candidate=candidate))
    assert str(raised.value) == said


def test_passes_of_an_update_are_taken_although_no_library_lends_the_gradient() -> None:
    split = replace(PROBE.workload, batch_size=2, accumulation=3, optimizer=Optimizer(bias_correction=False))
    found = rest(declared(Stage.GRADIENT, candidate=Arm(provider="mlx-lm", workload=split)))
    assert found is not None
    assert found.candidate.workload == replace(PROBE.workload, optimizer=Optimizer(bias_correction=False))
