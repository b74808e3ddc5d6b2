"""The investigation of May 2026 in its own releases, shortened: what it took 1,492 jobs to see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, parity

if TYPE_CHECKING:
    from pathlib import Path

ORIGINAL = ROOT / "probes" / "original"


RUN = {
    "reseeded": "",
    "not-reseeded": "",
    "clipped": "[candidate.settings]\nmax_grad_value = 0.1",
}
NOT_RUN = {
    "no-such-setting": "[candidate.settings]\nmax_grad_leaf_norm = 1.0",
    "no-such-seam": '[candidate]\nprovider = "mlx-lm"\nstages = { clip = "unsloth-zoo" }',
}


def ran(folder: Path, probes: dict[str, str]) -> tuple[Path, int]:
    """The folder of a run of all of them, in which they share their environment and one control, and its status."""
    for name, more in probes.items():
        of = ORIGINAL / f"{name if name == 'not-reseeded' else 'reseeded'}.toml"
        (folder / f"{name}.toml").write_text(f'extends = "{of}"\n{more}\n')
    asked = ("--seeds", "3407", "--steps", "4", "--jobs", "2", "--out", folder / "run", "--json", folder / "out.json")
    done = parity("run", *(folder / f"{name}.toml" for name in probes), *asked)
    assert (folder / "out.json").is_file(), done.stdout + done.stderr
    return folder, done.returncode


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    return ran(tmp_path_factory.mktemp("run"), RUN)


@pytest.fixture(scope="module")
def not_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    return ran(tmp_path_factory.mktemp("not-run"), NOT_RUN)


def found(run: tuple[Path, int], name: str) -> tuple[bool, dict[str, Any]]:
    """Whether a probe ended as it expects, and its cell."""
    folder, _ = run
    probes = json.loads((folder / "out.json").read_text())["probes"]
    (probe,) = (each for each in probes if each["probe"] == f"{folder.name}/{name}")
    return probe["expected"], probe["cells"][0]


def test_reseeded_after_load_the_steps_are_identical(run: tuple[Path, int]) -> None:
    expected, cell = found(run, "reseeded")
    assert (expected, cell["verdict"]) == (True, "identical")
    assert cell["metrics"]["loss"]["max_abs"] == 0.0
    folder, _ = run
    trace = folder / "run" / "traces" / folder.name / "reseeded" / "3407" / "candidate.jsonl"
    versions = json.loads(trace.read_text().splitlines()[0])["provenance"]["versions"]
    assert (versions["mlx"], versions["mlx-lm"], versions["unsloth-zoo"]) == ("0.30.0", "0.30.0", "2026.5.3")


def test_not_reseeded_they_part_before_training_and_the_loss_hides_it_for_a_step(run: tuple[Path, int]) -> None:
    expected, cell = found(run, "not-reseeded")
    assert (expected, cell["verdict"]) == (True, "diverged")
    at = cell["first_divergence"]
    assert (at["step"], at["stage"]) == (0, "adapt")
    assert cell["metrics"]["loss"]["first_step"] == 2


def test_clipping_binds_at_step_1_and_adam_hides_it_from_the_loss_until_step_3(run: tuple[Path, int]) -> None:
    expected, cell = found(run, "clipped")
    assert (run[1], expected, cell["verdict"]) == (1, False, "diverged")
    at = cell["first_divergence"]
    assert (at["step"], at["stage"]) == (1, "clip")
    assert cell["metrics"]["loss"]["first_step"] == 3


def test_a_setting_that_the_release_does_not_have_is_not_ignored(not_run: tuple[Path, int]) -> None:
    _, cell = found(not_run, "no-such-setting")
    assert (not_run[1], cell["failure"]) == (
        3,
        "candidate: unsloth-zoo 2026.5.3: MLXTrainingConfig has no 'max_grad_leaf_norm'; "
        "remove it, or pin a different release",
    )


def test_a_release_without_the_seam_is_invalid_and_never_runs_without_the_swap(not_run: tuple[Path, int]) -> None:
    _, cell = found(not_run, "no-such-seam")
    assert (not_run[1], cell["verdict"]) == (3, "invalid")
    assert cell["failure"] == (
        "candidate: unsloth-zoo 2026.5.3 cannot lend stage 'clip': "
        "there is no trainer._resolve_mlx_grad_clipping; remove stages.clip"
    )
