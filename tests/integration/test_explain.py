"""The cause of a divergence is found by removing it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = 'load = "mlx-lm", adapt = "mlx-lm"'
KNOWN = f'{WEIGHTS}, forward = "mlx-lm", loss = "mlx-lm"'


def explain(folder: Path, probe: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = parity("explain", probe, "--out", folder / "runs", "--json", folder / "out.json", "--jobs", "2", *arguments)
    assert (folder / "out.json").is_file(), done.stdout + done.stderr
    return done.returncode, json.loads((folder / "out.json").read_text()), done.stdout


def test_strict_is_a_pair_that_holds_in_both_directions(tmp_path: Path) -> None:
    status, found, said = explain(tmp_path, ROOT / "probes" / "current" / "strict.toml", "--set", "workload.steps=2")
    assert status == 0
    at = found["first_divergence"]
    assert (at["step"], at["stage"], at["metric"]) == (0, "forward", "base_at_start")
    assert "109 of 236 tensors, first model.layers.0.input_layernorm.weight" in at["detail"]
    (cause,) = found["causes"]
    assert (cause["stages"], cause["restores"]) == (["forward", "loss"], "identical")
    assert [(each["stage"], each["parts"]) for each in cause["alone"]] == [
        ("forward", "diverged at step 0 · forward · base_at_start"),
        ("loss", "diverged at step 1 · loss · tokens"),
    ]
    assert found["runs"] == 9
    assert (
        "The arms part at step 0 · forward · base_at_start; doing forward and loss as the reference does restores "
        "identical, and fewer than these two do not." in said
    )


def test_started_again_it_goes_on_from_what_it_had(tmp_path: Path) -> None:
    probe = probe_file(
        tmp_path / "p.toml",
        candidate='provider = "mlx-lm"\nworkload = { lora.layers = 18 }',
        expect='verdict = "diverged"',
    )
    first = explain(tmp_path, probe)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("candidate.jsonl")}
    victim = next(path for path in times if "without-adapt" in str(path))
    (victim.parent / "exit-status").unlink()
    victim.write_text(victim.read_text()[:2000])
    second = explain(tmp_path, probe)
    assert second[:2] == first[:2]
    again = {path for path in times if path.stat().st_mtime_ns != times[path]}
    assert again == {victim}


@pytest.mark.parametrize(
    ("name", "candidate", "reference", "stages"),
    [
        (
            "three",
            f'provider = "unsloth-zoo"\nstages = {{ {KNOWN} }}\nsettings = {{ max_grad_value = 0.001 }}\n'
            "workload = { lora.layers = 18 }",
            "workload = { optimizer.bias_correction = false }",
            ["adapt", "clip", "update"],
        ),
        (
            "swallowed",
            'provider = "mlx-lm"\nstages = { adapt = "unsloth-zoo" }\nworkload = { lora.layers = 18 }',
            "",
            ["adapt"],
        ),
    ],
)
def test_exactly_the_live_causes_are_named(
    tmp_path: Path, name: str, candidate: str, reference: str, stages: list[str]
) -> None:
    probe = probe_file(
        tmp_path / f"{name}.toml", candidate=candidate, reference=reference, expect='verdict = "diverged"'
    )
    status, found, _ = explain(tmp_path, probe)
    assert status == 0, found
    assert [cause["stages"] for cause in found["causes"]] == [stages]


def test_of_an_identical_probe_there_is_nothing_to_explain(tmp_path: Path) -> None:
    probe = probe_file(tmp_path / "p.toml", candidate='provider = "mlx-lm-train"', expect='verdict = "identical"')
    status, found, said = explain(tmp_path, probe)
    assert (status, found["causes"], found["runs"]) == (0, [], 3)
    assert "Nothing to explain: " in said


def test_where_no_swap_restores_parity_it_says_so_with_the_best_and_what_is_left(tmp_path: Path) -> None:
    probe = probe_file(
        tmp_path / "p.toml",
        candidate=f'provider = "unsloth-zoo"\nstages = {{ {KNOWN} }}\nsettings = {{ max_grad_value = 0.0 }}',
        workload="batch_size = 2\naccumulation = 3",
        expect='verdict = "diverged"',
    )
    status, found, said = explain(tmp_path, probe)
    assert (status, found["causes"]) == (5, [])
    assert "no set of stages that can be swapped does; the best, without" in said
