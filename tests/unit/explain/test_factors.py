from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parity.explain.factors import Factor, factors
from parity.metrics import Stage
from parity.probe.values import Arm, ArmName, Lora, Optimizer, Probe
from parity.trainers.registry import ownership
from parity.trainers.swap import without
from tests.unit.made import PROBE

ZOO = Arm(
    provider="unsloth-zoo",
    stages={Stage.LOAD: "mlx-lm", Stage.ADAPT: "mlx-lm"},
    settings={"max_grad_value": 0.0, "reseed_after_load": False},
)


PLUGIN = Path(__file__).parents[2] / "plugin"
OWNERS = ownership(replace(PROBE, reference=Arm(provider="mlx-lm"), candidate=ZOO))


def probe(candidate: Arm, reference: Arm | None = None, **workload: Any) -> Probe:
    own = replace(candidate, workload=replace(PROBE.workload, **workload)) if workload else candidate
    return replace(PROBE, candidate=own, reference=reference or Arm(provider="mlx-lm"))


def swaps(_own: str, _lender: str, stage: Stage) -> bool:
    return stage not in {Stage.GRADIENT, Stage.SAVE}


def stages(of: Probe) -> list[Stage]:
    return [factor.stage for factor in factors(of, swaps, OWNERS)]


def test_every_stage_of_another_library_is_a_factor_but_those_without_a_seam() -> None:
    flow = [Stage.ADAPT, Stage.BATCH, Stage.FORWARD, Stage.LOSS, Stage.CLIP, Stage.SCHEDULE, Stage.UPDATE]
    assert stages(probe(ZOO)) == flow
    assert stages(probe(replace(ZOO, settings={}))) == flow[1:]


def test_a_word_that_differs_belongs_to_the_stage_that_reads_it() -> None:
    loop = Arm(provider="mlx-lm")
    assert stages(probe(loop, lora=Lora(layers=18))) == [Stage.ADAPT]
    assert stages(probe(loop, optimizer=Optimizer(bias_correction=False))) == [Stage.UPDATE]
    assert stages(probe(loop, optimizer=Optimizer(learning_rate=0.1))) == [Stage.SCHEDULE]
    assert stages(probe(loop, batch_size=2, accumulation=3)) == [Stage.GRADIENT]
    assert stages(probe(loop, compile=False)) == [Stage.FORWARD]
    assert stages(probe(loop)) == []


def test_a_factor_says_whose_and_what() -> None:
    (first, *_) = factors(probe(ZOO), swaps, OWNERS)
    assert first == Factor(
        stage=Stage.ADAPT, lenders=("mlx-lm", "mlx-lm"), settings={"reseed_after_load": (None, False)}
    )
    swapped = Arm(
        provider="mlx-lm",
        stages={Stage.ADAPT: "unsloth-zoo"},
        keywords={"get_peft_model": {"finetune_last_n_layers": 4}},
    )
    (only_factor,) = factors(probe(swapped), swaps, OWNERS)
    assert only_factor.lenders == ("mlx-lm", "unsloth-zoo")
    assert only_factor.settings == {"get_peft_model.finetune_last_n_layers": (None, 4)}


def test_words_of_a_stage_that_nobody_lends_can_still_be_the_references() -> None:
    other = probe(ZOO, batch_size=2, accumulation=3)
    factor = next(each for each in factors(other, swaps, OWNERS) if each.stage is Stage.GRADIENT)
    assert factor.settings == {"batch_size": (6, 2), "accumulation": (1, 3)}
    mended = without(other, [Stage.GRADIENT], OWNERS)
    assert mended.workload_of(ArmName.CANDIDATE).accumulation == 1
    assert Stage.GRADIENT not in mended.candidate.stages


def test_without_all_of_them_nothing_is_left_to_swap() -> None:
    whole = probe(ZOO, optimizer=Optimizer(bias_correction=False), lora=Lora(layers=18))
    assert stages(without(whole, stages(whole), OWNERS)) == []


@pytest.mark.parametrize(
    ("candidate", "stage", "name", "value"),
    [
        (
            replace(ZOO, keywords={"MLXTrainingConfig": {"neftune_noise_alpha": 5.0}}),
            Stage.FORWARD,
            "MLXTrainingConfig.neftune_noise_alpha",
            5.0,
        ),
        (
            replace(ZOO, keywords={"MLXTrainingConfig": {"logging_steps": 2}}),
            Stage.GRADIENT,
            "MLXTrainingConfig.logging_steps",
            2,
        ),
        (replace(ZOO, settings={"report_grad_norm": False}), Stage.GRADIENT, "report_grad_norm", False),
        (Arm(provider="faulty", settings={"fault": "x"}), Stage.LOSS, "fault", "x"),
    ],
)
def test_every_setting_and_keyword_belongs_to_the_factor_of_its_stage(
    monkeypatch: pytest.MonkeyPatch, candidate: Arm, stage: Stage, name: str, value: object
) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))
    differs = probe(candidate)
    owners = ownership(differs)
    (factor,) = [each for each in factors(differs, swaps, owners) if each.stage is stage]
    assert factor.settings == {name: (None, value)}
    mended = without(differs, [stage], owners).candidate
    assert name not in mended.settings
    assert mended.keywords == {}
