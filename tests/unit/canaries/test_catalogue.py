"""What every canary must declare, and where it is found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from parity.canaries.canary import CANARIES, Canary
from parity.canaries.catalogue import canaries, changed_provider, find, graded
from parity.errors import BadProbeError
from parity.metrics import Stage
from parity.trainers.registry import can_swap, provider, provider_names

FAULTS = [each for each in canaries() if not each.harmless]


def test_there_are_at_least_forty_faults_and_a_dozen_of_them_in_mlxtrainer() -> None:
    assert len(FAULTS) >= 40
    assert sum(each.on.provider == "unsloth-zoo" for each in FAULTS) >= 12
    assert sum(each.harmless for each in canaries()) >= 5


def test_every_stage_has_a_fault() -> None:
    assert {each.stage for each in FAULTS} == set(Stage)


@pytest.mark.parametrize("canary", canaries(), ids=lambda each: each.name)
def test_a_canary_declares_what_and_where_or_is_harmless(canary: Canary) -> None:
    assert canary.fault
    assert len(canary.fault) <= 64
    assert (canary.stage is None) is (canary.step is None)
    if canary.step is not None:
        before_training = canary.stage in {Stage.LOAD, Stage.ADAPT, Stage.FORWARD}
        assert (canary.step == 0) is before_training
        assert canary.step <= canary.on.workload.steps


@pytest.mark.parametrize("canary", canaries(), ids=lambda each: each.name)
def test_a_canary_is_the_provider_of_its_ground_with_a_change(canary: Canary) -> None:
    changed, own = provider(canary.provider), provider(canary.on.provider)
    assert isinstance(changed, type(own))
    assert type(changed) is not type(own)


def test_a_size_is_part_of_the_name_of_a_graded_change() -> None:
    for each in graded():
        assert vars(changed_provider(each.provider(7)))["k"] == 7


def test_an_unknown_canary_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadProbeError, match="did you mean 'rate-one-percent-up'"):
        find("rate-one-percent-upp")
    with pytest.raises(BadProbeError, match="unknown canary"):
        provider("canary/none-of-ours")


def test_canaries_are_listed_among_no_providers() -> None:
    assert not [name for name in provider_names() if name.startswith("canary/")]
    assert can_swap("mlx-lm", "unsloth-zoo", Stage.LOSS)


def test_the_catalogue_and_the_registry_import_no_trainer() -> None:
    code = """
import sys
import parity.trainers.registry
assert "parity.canaries.catalogue" not in sys.modules
import parity.canaries.catalogue
heavy = {"mlx", "mlx.core", "mlx_lm", "unsloth_zoo", "pandas"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_names_are_words_and_unique() -> None:
    assert all(name == each.name and name.replace("-", "").isalnum() for name, each in CANARIES.items())
