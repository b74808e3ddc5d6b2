"""A canary or so a stage through the whole path, as `make canaries` runs all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from parity.canaries.catalogue import find
from parity.metrics import Stage
from tests.integration.running import parity

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

FAULTS = (
    "one-weight-off",
    "lora-b-not-zero",
    "batches-swapped",
    "norms-in-float32",
    "mask-ends-one-late",
    "backward-scaled",
    "received-scaled",
    "rate-one-percent-up",
    "state-in-bfloat16",
    "adapter-of-the-step-before",
    "loss-patched-for-good",
    "trainer-rate-reported-as-norm",
)
HARMLESS = "mask-in-float32"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompletedProcess[str], dict[str, Any]]:
    file: Path = tmp_path_factory.mktemp("canaries") / "out.json"
    chosen = [word for name in (*FAULTS, HARMLESS) for word in ("--only", name)]
    ran = parity("canaries", *chosen, "--jobs", "2", "--json", file)
    return ran, json.loads(file.read_text())


def test_one_of_every_stage_is_run() -> None:
    assert {find(name).stage for name in FAULTS} == set(Stage)


def test_all_are_caught_and_nothing_harmless_is(done: tuple[CompletedProcess[str], dict[str, Any]]) -> None:
    ran, found = done
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert found["passed"]
    assert found["totals"] == {
        "faults": len(FAULTS),
        "caught": len(FAULTS),
        "stage_right": len(FAULTS),
        "step_right": len(FAULTS),
        "harmless": 1,
        "identical_cells": 2,
        "false_alarms": 0,
        "not_run": 0,
    }
    assert "12 of 12 faults caught; 12 at their stage; 12 at their first step; 0 false alarms" in ran.stdout


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_where_it_was_put(done: tuple[CompletedProcess[str], dict[str, Any]], name: str) -> None:
    (each,) = (each for each in done[1]["canaries"] if each["canary"] == name)
    assert {key: each["seen"][key] for key in ("stage", "step")} == each["expected"]


def test_what_outlives_its_run_makes_the_cell_invalid(done: tuple[CompletedProcess[str], dict[str, Any]]) -> None:
    (each,) = (each for each in done[1]["canaries"] if each["canary"] == "loss-patched-for-good")
    assert each["verdict"] == "invalid"
    assert each["reason"].startswith("contaminated: the reference no longer repeats itself")


def test_a_canary_that_is_not_there_is_answered_with_the_nearest() -> None:
    ran = parity("canaries", "--only", "rate-one-percent-upp")
    assert ran.returncode == 2
    assert ran.stderr == ("parity: unknown canary 'rate-one-percent-upp'; did you mean 'rate-one-percent-up'?\n")


def test_a_stage_without_what_is_asked_for_is_nothing_to_run() -> None:
    ran = parity("canaries", "--only", "rate-one-percent-up", "--stage", "load")
    assert ran.returncode == 2
    assert "no canary matches both" in ran.stderr


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    ran = parity("canaries", "--only", "rate-one-percent-up", "--out", tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"parity: --out {tmp_path}: not empty; name a new folder, nothing is overwritten\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
