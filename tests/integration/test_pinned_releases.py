"""The investigation of May 2026 in its own releases, shortened: what it took 1,492 jobs to see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, parity

if TYPE_CHECKING:
    from pathlib import Path

ORIGINAL = ROOT / "probes" / "original"


def run(folder: Path, name: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = parity(
        "run", ORIGINAL / f"{name}.toml", "--seeds", "3407", "--steps", "4",
        "--out", folder / "run", "--json", folder / "out.json", *arguments,
    )  # fmt: skip
    result: dict[str, Any] = json.loads((folder / "out.json").read_text())["probes"][0]["cells"][0]
    return done.returncode, result


def test_reseeded_after_load_the_steps_are_identical(tmp_path: Path) -> None:
    status, cell = run(tmp_path, "reseeded")
    assert (status, cell["verdict"]) == (0, "identical")
    assert cell["metrics"]["loss"]["max_abs"] == 0.0
    header = json.loads(
        (tmp_path / "run" / "traces" / "original" / "reseeded" / "3407" / "candidate.jsonl").read_text().splitlines()[0]
    )
    versions = header["provenance"]["versions"]
    assert (versions["mlx"], versions["mlx-lm"], versions["unsloth-zoo"]) == ("0.30.0", "0.30.0", "2026.5.3")


def test_not_reseeded_they_part_before_training_and_the_loss_hides_it_for_a_step(tmp_path: Path) -> None:
    status, cell = run(tmp_path, "not-reseeded")
    assert (status, cell["verdict"]) == (0, "diverged")
    at = cell["first_divergence"]
    assert (at["step"], at["stage"]) == (0, "adapt")
    assert cell["metrics"]["loss"]["first_step"] == 2


def test_clipping_binds_at_step_1_and_adam_hides_it_from_the_loss_until_step_3(tmp_path: Path) -> None:
    status, cell = run(tmp_path, "reseeded", "--set", "candidate.settings.max_grad_value=0.1")
    assert (status, cell["verdict"]) == (1, "diverged")
    at = cell["first_divergence"]
    assert (at["step"], at["stage"]) == (1, "clip")
    assert cell["metrics"]["loss"]["first_step"] == 3


@pytest.mark.parametrize(
    ("setting", "failure"),
    [
        (
            "max_grad_leaf_norm=1.0",
            "candidate: unsloth-zoo 2026.5.3: MLXTrainingConfig has no 'max_grad_leaf_norm'; "
            "drop it, or pin another release",
        ),
    ],
)
def test_a_setting_that_the_release_does_not_have_is_not_swallowed(tmp_path: Path, setting: str, failure: str) -> None:
    status, cell = run(tmp_path, "reseeded", "--set", f"candidate.settings.{setting}")
    assert (status, cell["failure"]) == (3, failure)


def test_a_release_without_the_seam_is_invalid_and_never_runs_without_the_swap(tmp_path: Path) -> None:
    swap = ["--set", "candidate.provider='mlx-lm'", "--set", "candidate.stages={clip='unsloth-zoo'}"]
    status, cell = run(tmp_path, "reseeded", *swap)
    assert (status, cell["verdict"]) == (3, "invalid")
    assert cell["failure"] == (
        "candidate: unsloth-zoo 2026.5.3: its clip cannot be taken out: "
        "there is no trainer._resolve_mlx_grad_clipping; drop stages.clip"
    )
