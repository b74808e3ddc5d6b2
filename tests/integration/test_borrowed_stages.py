"""A stage that comes from the other library really does, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

WHOLE_ZOO = 'provider = "unsloth-zoo"\nsettings = { max_grad_value = 0.0 }'
WEIGHTS = 'load = "mlx-lm", adapt = "mlx-lm"'
ARMS = {
    "loop with the zoo's loss": 'provider = "mlx-lm"\nstages = { loss = "unsloth-zoo" }',
    "loop with the zoo's batches": 'provider = "mlx-lm"\nstages = { batch = "unsloth-zoo" }',
    "train() with the loop's parts": 'provider = "mlx-lm-train"\nstages = { loss = "mlx-lm", batch = "mlx-lm" }',
    "zoo with the loop's loss": f'{WHOLE_ZOO}\nstages = {{ {WEIGHTS}, loss = "mlx-lm" }}',
    "zoo with the loop's batches": f'{WHOLE_ZOO}\nstages = {{ {WEIGHTS}, batch = "mlx-lm" }}',
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("borrowed")
    for name, arm in ARMS.items():
        probe_file(folder / "probes" / f"{name}.toml", candidate=arm, expect='verdict = "identical"')
    done = parity("run", folder / "probes", "--jobs", "2", "--out", folder / "run", "--json", folder / "out.json")
    assert done.returncode == 1, done.stdout + done.stderr
    return cells(folder / "out.json")


def first_steps(cell: dict[str, Any]) -> dict[str, int | None]:
    return {name: summary["first_step"] for name, summary in cell["metrics"].items()}


def test_the_zoos_loss_alone_counts_fewer_targets_in_mlx_lms_loop(found: dict[str, dict[str, Any]]) -> None:
    at = found["loop with the zoo's loss"]["first_divergence"]
    assert (at["step"], at["stage"], at["metric"]) == (1, "loss", "tokens")
    assert at["delta"] < 0


@pytest.mark.parametrize("arm", ["loop with the zoo's batches", "train() with the loop's parts"])
def test_what_is_the_same_in_both_libraries_changes_nothing(found: dict[str, dict[str, Any]], arm: str) -> None:
    assert found[arm]["verdict"] == "identical"


def test_mlx_lms_loss_in_the_zoo_leaves_the_norms_as_the_second_cause(found: dict[str, dict[str, Any]]) -> None:
    steps = first_steps(found["zoo with the loop's loss"])
    assert (steps["tokens"], steps["loss"], steps["base"]) == (None, 1, 0)


def test_mlx_lms_batches_in_the_zoo_are_mlx_lms(found: dict[str, dict[str, Any]]) -> None:
    steps = first_steps(found["zoo with the loop's batches"])
    assert (steps["batch"], steps["tokens"]) == (None, 1)


def test_the_loss_of_before_673_was_never_the_cause(tmp_path: Path) -> None:
    probe = ROOT / "probes" / "original" / "loss.toml"
    done = parity("run", probe, "--seeds", "3407", "--steps", "4", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout


def test_a_loss_that_cannot_be_taken_out_is_one_line(tmp_path: Path) -> None:
    arm = f'provider = "unsloth-zoo"\nstages = {{ {WEIGHTS}, loss = "mlx-lm" }}\nsettings = {{ use_cce = true }}'
    probe = probe_file(tmp_path / "cce.toml", extends="hello", candidate=arm, expect='verdict = "identical"')
    done = parity("run", probe, "--out", tmp_path / "run", "--json", tmp_path / "out.json")
    assert done.returncode == 3
    (cell,) = cells(tmp_path / "out.json").values()
    assert "its loss cannot be taken out here; drop stages.loss" in cell["failure"]
