from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from parity.metrics import Stage
from parity.probe.values import Arm, ArmName, Lora, Optimizer, Probe
from parity.trainers.registry import ownership
from parity.trainers.swap import differing, only, without
from tests.unit.made import PROBE

ZOO = Arm(
    provider="unsloth-zoo",
    stages={Stage.LOAD: "mlx-lm", Stage.ADAPT: "mlx-lm"},
    settings={"max_grad_value": 0.0, "reseed_after_load": False},
)


OWNERS = ownership(replace(PROBE, reference=Arm(provider="mlx-lm"), candidate=ZOO))


def probe(candidate: Arm, reference: Arm | None = None, **workload: Any) -> Probe:
    own = replace(candidate, workload=replace(PROBE.workload, **workload)) if workload else candidate
    return replace(PROBE, candidate=own, reference=reference or Arm(provider="mlx-lm"))


def test_without_a_stage_the_candidate_does_it_as_the_reference_with_all_that_belongs_to_it() -> None:
    two = probe(ZOO, reference=Arm(provider="mlx-lm", settings={"clip_grad_norm": 1.0}), lora=Lora(layers=18))
    mended = without(two, [Stage.ADAPT, Stage.CLIP], OWNERS).candidate
    assert mended.stages == {Stage.LOAD: "mlx-lm", Stage.ADAPT: "mlx-lm", Stage.CLIP: "mlx-lm"}
    assert mended.settings == {"clip_grad_norm": 1.0}
    assert mended.workload is not None
    assert mended.workload.lora.layers == 16


def test_only_a_stage_is_the_reference_with_that_stage_of_the_candidate() -> None:
    alone = only(probe(ZOO, optimizer=Optimizer(bias_correction=False)), [Stage.UPDATE], OWNERS)
    assert alone.candidate.provider == "mlx-lm"
    assert alone.candidate.stages == {Stage.UPDATE: "unsloth-zoo"}
    assert alone.candidate.settings == {}
    assert alone.workload_of(ArmName.CANDIDATE).optimizer.bias_correction is False
    assert differing(alone, Stage.UPDATE, OWNERS) == {"optimizer.bias_correction": (True, False)}


@pytest.mark.parametrize("stage", [Stage.LOSS, Stage.FORWARD])
def test_a_stage_is_taken_back_where_the_reference_has_it_by_itself(stage: Stage) -> None:
    swapped = probe(Arm(provider="mlx-lm", stages={stage: "unsloth-zoo"}))
    assert without(swapped, [stage], OWNERS).candidate.stages == {}
