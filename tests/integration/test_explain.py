"""The cause of a divergence is found by removing it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, parity, probe_file
from tests.integration.small import small

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

WEIGHTS = 'load = "mlx-lm", adapt = "mlx-lm"'
KNOWN = f'{WEIGHTS}, forward = "mlx-lm", loss = "mlx-lm"'


def explain(folder: Path, probe: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = parity("explain", probe, "--out", folder / "runs", "--json", folder / "out.json", "--jobs", "2", *arguments)
    assert (folder / "out.json").is_file(), done.stdout + done.stderr
    return done.returncode, json.loads((folder / "out.json").read_text()), done.stdout


def test_strict_is_a_pair_that_holds_in_both_directions(tmp_path: Path) -> None:
    model = small().with_name("model")
    less = (f"workload.model='{model}'", "workload.lora.layers=4", "workload.steps=2")
    arguments = [word for key in less for word in ("--set", key)]
    status, found, said = explain(tmp_path, ROOT / "probes" / "current" / "strict.toml", *arguments)
    assert status == 0
    at = found["first_divergence"]
    assert (at["step"], at["stage"], at["metric"]) == (0, "forward", "base_at_start")
    assert "37 of 80 tensors, first model.layers.0.input_layernorm.weight" in at["detail"]
    (cause,) = found["causes"]
    assert (cause["stages"], cause["restores"]) == (["forward", "loss"], "identical")
    assert [(each["stage"], each["diverges_at"]) for each in cause["alone"]] == [
        ("forward", "diverged at step 0 · forward · base_at_start"),
        ("loss", "diverged at step 1 · loss · tokens"),
    ]
    assert found["runs"] == 14
    assert (
        "The arms diverge at step 0 · forward · base_at_start. With forward and loss from the reference the candidate "
        "is identical; fewer than these two are not enough." in said
    )
    forward, loss = found["evidence"]
    assert (forward["factor"], loss["factor"]) == ("forward alone", "loss alone")
    assert forward["lines"][0] == "frozen weights as step 1 starts: 37 tensors differ, in dtype only"
    supervision = loss["measured"]["supervision"]
    assert [each["tokens"] for each in supervision["fractions"]] == [306, 303]
    assert [round(each["denominator"], 2) for each in supervision["fractions"]] == [306, 303]
    assert "  row 1, position 48: 0 '<pad>' → not supervised" in loss["lines"]
    assert loss["lines"][-1] == "equal up to there: batch, logits"
    assert found["steps"]["summary"] == "Faulty by themselves: steps 1–2 at loss."
    page = next((tmp_path / "runs").glob("*/explanation.md")).read_text()
    assert "    - row 1, position 48: 0 '&lt;pad&gt;' → not supervised" in page


def test_started_again_it_goes_on_from_what_it_had(tmp_path: Path) -> None:
    probe = probe_file(
        tmp_path / "p.toml",
        1,
        candidate='provider = "mlx-lm"\nworkload = { lora.layers = 6 }',
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
    assert second[1]["evidence"] == first[1]["evidence"]
    (adapt,) = first[1]["evidence"]
    said, values, *_ = adapt["lines"]
    assert values == "trainable parameters: 28 tensors differ"
    assert said.startswith("trainable parameters: 28 in the candidate only: model.layers.0.mlp.down_proj.lora_a, ")
    assert said.endswith(" and 25 more")
    assert first[1]["steps"]["summary"].startswith(
        "Not run state-locked: LockError: the arms train different tensors: model.layers.0.mlp.down_proj"
    )


@pytest.mark.parametrize(
    ("name", "candidate", "reference", "stages"),
    [
        (
            "three",
            f'provider = "unsloth-zoo"\nstages = {{ {KNOWN} }}\nsettings = {{ max_grad_value = 0.001 }}\n'
            "workload = { lora.layers = 6 }",
            "workload = { optimizer.bias_correction = false }",
            ["adapt", "clip", "update"],
        ),
        (
            "ignored",
            'provider = "mlx-lm"\nstages = { adapt = "unsloth-zoo" }\nworkload = { lora.layers = 6 }',
            "",
            ["adapt"],
        ),
    ],
)
def test_exactly_the_live_causes_are_named(
    tmp_path: Path, name: str, candidate: str, reference: str, stages: list[str]
) -> None:
    probe = probe_file(
        tmp_path / f"{name}.toml", 1, candidate=candidate, reference=reference, expect='verdict = "diverged"'
    )
    status, found, _ = explain(tmp_path, probe)
    assert status == 0, found
    assert [cause["stages"] for cause in found["causes"]] == [stages]


def test_of_an_identical_probe_there_is_nothing_to_explain(tmp_path: Path) -> None:
    arm = 'provider = "mlx-lm-train"'
    probe = probe_file(tmp_path / "p.toml", 1, candidate=arm, expect='verdict = "identical"')
    status, found, said = explain(tmp_path, probe)
    assert (status, found["causes"], found["runs"]) == (0, [], 3)
    assert "Nothing to explain: " in said


def test_where_no_swap_restores_parity_it_says_so_with_the_best_and_what_is_left(tmp_path: Path) -> None:
    probe = probe_file(
        tmp_path / "p.toml",
        1,
        candidate=f'provider = "unsloth-zoo"\nstages = {{ {KNOWN} }}\nsettings = {{ max_grad_value = 0.0 }}',
        workload="batch_size = 2\naccumulation = 3",
        expect='verdict = "diverged"',
    )
    status, found, said = explain(tmp_path, probe)
    assert (status, found["causes"]) == (5, [])
    assert "No cause was found: swapping stages does not restore parity; swapping" in said


BORN = f'provider = "unsloth-zoo"\nstages = {{ {KNOWN} }}\nsettings = {{ max_grad_value = 0.05 }}'


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder: Path = tmp_path_factory.mktemp("born")
    probe = probe_file(folder / "p.toml", candidate=BORN, expect='verdict = "identical"')
    return folder / "run", parity("run", probe, "--out", folder / "run", "--jobs", "2", "--explain")


def test_a_clip_that_binds_is_shown_element_by_element_and_step_by_step(
    born: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    (file,) = born[0].rglob("explanation.json")
    found = json.loads(file.read_text())
    (clip,) = found["evidence"]
    measured = clip["measured"]
    assert (measured["stage"], measured["step"]) == ("clip", 1)
    assert measured["equal"] == ["batch", "logits", "loss and its targets", "gradient"]
    reference, candidate = measured["clipping"]
    assert (reference["changed"], candidate["clipped_greatest"]) == (0, pytest.approx(0.05))
    assert candidate["changed"] > 0
    worst = measured["tensors"]["worst"][0]
    assert worst["max_abs"] == pytest.approx(abs(worst["values"][0]) - 0.05)
    assert all(span["locked"] == "clip" for span in found["steps"]["spans"])


def test_a_run_explains_what_was_not_expected_and_its_report_keeps_it(
    born: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    run, done = born
    assert done.returncode == 1, done.stdout + done.stderr
    assert "With clip from the reference the candidate is identical" in done.stdout
    again = parity("report", run, "--format", "markdown").stdout
    assert again == (run / "report.md").read_text()
    assert "#### why" in again
    assert "With clip from the reference the candidate is identical" in again
