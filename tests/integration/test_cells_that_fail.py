"""A cell that fails costs its own row only, and its row says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import cells, parity, probe_file

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

_NO_LOSS = (
    "candidate: TapError: the trainer reports a loss of type {}; it must be a number that a float can hold "
    "(before step 1); see trainer.log"
)
ENDINGS = {
    "killed at step 2": "candidate: died of SIGKILL after step 2 of 3; see trainer.log",
    "raises at step 2": "candidate: RuntimeError: the trainer has had enough (after step 2 of 3); see trainer.log",
    "raises half a character": (
        "candidate: RuntimeError: half a character: \\ud83d (after step 2 of 3); see trainer.log"
    ),
    "reports text": _NO_LOSS.format("str"),
    "reports a list": _NO_LOSS.format("list"),
    "reports 10 to the 400": _NO_LOSS.format("int"),
    "one step fewer": "candidate: TapError: the trainer took 2 of 3 steps (after step 2 of 3); see trainer.log",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder: Path = tmp_path_factory.mktemp("failing")
    for fault in [*ENDINGS, "dies at its end", "leaves a patch behind", "leaves evaluation patched", "loss is NaN"]:
        probe_file(
            folder / "probes" / f"{fault}.toml",
            extends="hello",
            candidate=f'provider = "faulty"\nsettings = {{ fault = "{fault}" }}',
            expect='verdict = "identical"',
        )
    done = parity(
        "run", folder / "probes", "--steps", "3", "--out", folder / "run", "--json", folder / "out.json", plugin=True
    )
    assert (folder / "out.json").exists(), done.stdout + done.stderr
    return folder, done


@pytest.fixture(scope="module")
def found(run: tuple[Path, subprocess.CompletedProcess[str]]) -> dict[str, dict[str, Any]]:
    return cells(run[0] / "out.json")


@pytest.mark.parametrize(("fault", "failure"), ENDINGS.items())
def test_an_arm_that_fails_says_how(found: dict[str, dict[str, Any]], fault: str, failure: str) -> None:
    assert found[fault]["verdict"] == "invalid"
    assert found[fault]["failure"] == failure


def test_a_crash_at_teardown_is_told_and_changes_no_verdict(found: dict[str, dict[str, Any]]) -> None:
    cell = found["dies at its end"]
    assert (cell["verdict"], cell["failure"]) == ("identical", "")
    assert cell["note"] == "the process died of SIGSEGV after its last step; the traces are complete"


def test_a_patch_that_touches_evaluation_alone_is_named(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = run
    probes = {each["probe"]: each for each in json.loads((folder / "out.json").read_text())["probes"]}
    patched = probes["probes/leaves evaluation patched"]
    assert patched["verdict"] == "identical"
    assert patched["strays"] == ["the candidate leaves mlx.nn.layers.base.Module.eval changed"]
    assert "2 warnings of code that is not the package's own" in done.stdout


def test_a_patch_that_outlives_the_candidate_is_a_contamination(found: dict[str, dict[str, Any]]) -> None:
    cell = found["leaves a patch behind"]
    assert cell["verdict"] == "invalid"
    assert cell["reason"] == "contaminated: the reference no longer repeats itself, step 1, stage loss"


def test_a_nan_is_never_a_pass(found: dict[str, dict[str, Any]]) -> None:
    cell = found["loss is NaN"]
    assert cell["verdict"] == "invalid"
    assert cell["reason"].startswith("NaN in the candidate: loss at steps 1 to 3")


def test_the_run_goes_on_and_answers_that_an_arm_did_not_run(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = run
    assert done.returncode == 3, done.stderr
    assert len(json.loads((folder / "out.json").read_text())["probes"]) == len(ENDINGS) + 4


def test_the_traces_of_a_killed_cell_are_kept_up_to_its_last_step(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    cell = run[0] / "run" / "traces" / "probes" / "killed at step 2" / "1"
    assert len((cell / "reference.jsonl").read_text().splitlines()) == 3 + 4
    assert len((cell / "candidate.jsonl").read_text().splitlines()) == 2 + 2


def test_a_stored_run_is_judged_again_alike(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    again = parity("report", run[0] / "run", "--format", "json")
    assert again.returncode == 3
    assert json.loads(again.stdout) == json.loads((run[0] / "out.json").read_text())
