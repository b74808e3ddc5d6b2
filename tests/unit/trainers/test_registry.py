from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from parity.errors import BadProbeError
from parity.metrics import Stage
from parity.probe.values import Arm
from parity.trainers.protocol import SettingKind
from parity.trainers.registry import check_providers, provider, provider_names
from tests.unit.made import PROBE

ROOT = Path(__file__).parents[3]


def test_ours_are_registered() -> None:
    assert {"mlx-lm", "mlx-lm-train", "unsloth-zoo"} <= set(provider_names())


def test_naming_a_provider_imports_no_trainer() -> None:
    code = """
import sys
from parity.trainers.registry import provider, provider_names
for name in provider_names():
    provider(name).check_installed()
print([name for name in ("mlx", "mlx_lm", "unsloth_zoo") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_another_package_adds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "plugin"))
    assert "faulty" in provider_names()
    assert provider("faulty").settings == {"fault": SettingKind(type=str, stage=Stage.LOSS)}


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        (Arm(provider="mlxlm"), "candidate: unknown provider 'mlxlm'; did you mean 'mlx-lm'?"),
        (
            Arm(provider="unsloth-zoo", stages={Stage.LOAD: "mlx"}),
            "candidate: unknown provider 'mlx'; did you mean 'mlx-lm'?",
        ),
        (
            Arm(provider="unsloth-zoo", stages={Stage.GRADIENT: "mlx-lm"}),
            "candidate: 'unsloth-zoo' cannot take stage 'gradient' from another provider; "
            "valid: adapt, batch, clip, forward, load, loss, schedule, update",
        ),
        (
            Arm(provider="mlx-lm-train", stages={Stage.SCHEDULE: "unsloth-zoo"}),
            "candidate: 'mlx-lm-train' cannot take stage 'schedule' from another provider; "
            "valid: adapt, batch, clip, forward, load, loss, update",
        ),
        (
            Arm(provider="unsloth-zoo", keywords={"get_peft_modl": {"r": 4}}),
            "candidate: keywords: unknown function 'get_peft_modl'; did you mean 'get_peft_model'?",
        ),
        (
            Arm(provider="mlx-lm", keywords={"load": {"lazy": True}}),
            "candidate: keywords: 'mlx-lm' accepts none",
        ),
        (
            Arm(provider="unsloth-zoo", settings={"max_grad_valu": 1.0}),
            "candidate: unknown setting 'max_grad_valu'; did you mean 'max_grad_value'?",
        ),
        (
            Arm(provider="unsloth-zoo", settings={"use_cce": "yes"}),
            "candidate: settings.use_cce must be a bool, not 'yes'",
        ),
        (
            Arm(provider="unsloth-zoo", settings={"max_grad_value": True}),
            "candidate: settings.max_grad_value must be a float, not True",
        ),
    ],
)
def test_an_arm_that_cannot_be_is_one_line(arm: Arm, message: str) -> None:
    with pytest.raises(BadProbeError) as error:
        check_providers(replace(PROBE, candidate=arm))
    assert str(error.value) == message


def test_a_whole_number_is_a_float_setting() -> None:
    check_providers(replace(PROBE, candidate=Arm(provider="unsloth-zoo", settings={"max_grad_value": 0})))
