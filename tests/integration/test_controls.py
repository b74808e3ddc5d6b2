"""The tap changes nothing, and neither does the candidate's library: shown in a run, and seen where it is not so."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, **arms: str) -> tuple[dict[str, Any], str, int]:
    probe = probe_file(folder / "p.toml", **arms, expect='verdict = "identical"')
    done = parity("run", probe, "--out", folder / "run", "--json", folder / "out.json", plugin=True)
    return json.loads((folder / "out.json").read_text())["probes"][0]["cells"][0], done.stdout, done.returncode


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str, int]:
    folder: Path = tmp_path_factory.mktemp("alike")
    return folder, *run(folder, candidate='provider = "mlx-lm-train"')


def test_every_run_trains_a_cell_once_more_without_taps(alike: tuple[Path, dict[str, Any], str, int]) -> None:
    folder, cell, said, status = alike
    assert (cell["verdict"], cell["control"]["status"], status) == ("identical", "same", 0)
    shown = "1 cell trained again without the tap: same final parameters"
    assert f"controls     {shown}" in said
    assert f"\n  {folder.name}/p (seed 1)\n" in parity("report", folder / "run", "-v").stdout
    assert f"<summary>controls: {shown}</summary>" in (folder / "run" / "report.md").read_text()


def test_arms_that_are_alike_only_while_they_are_watched_are_not_judged(tmp_path: Path) -> None:
    shy = 'provider = "shy"'
    cell, said, status = run(tmp_path, reference=shy, candidate=shy)
    assert (cell["verdict"], status) == ("invalid", 5)
    assert cell["reason"].startswith(
        "without the tap, the reference ends with different parameters: 56 of 56 tensors, first "
    )
    assert "same final parameters" not in said


def test_a_control_that_fails_is_no_proof(alike: tuple[Path, dict[str, Any], str, int], tmp_path: Path) -> None:
    folder, cell, *_ = alike
    shutil.copytree(folder / "run", tmp_path / "run")
    (tmp_path / "run" / "traces" / folder.name / "p" / "1" / "control.json").write_text("{}")
    again = json.loads(parity("report", tmp_path / "run", "--format", "json").stdout)["probes"][0]["cells"][0]
    assert (cell["verdict"], again["verdict"]) == ("identical", "invalid")
    assert again["reason"] == "the control run failed; see trainer-control.log"


def noisy(folder: Path, *, repeats: int, noise: float = 1e-2, **settings: float | bool) -> tuple[dict[str, Any], str]:
    """A cell of the noisy device; the candidate has the reference's noise, and these settings more."""
    both = f"noise = {noise}"
    more = "".join(f", {name} = {str(value).lower()}" for name, value in settings.items())
    probe = probe_file(
        folder / "p.toml",
        reference=f'provider = "noisy"\nsettings = {{ {both} }}',
        candidate=f'provider = "noisy"\nsettings = {{ {both}{more} }}',
        tolerance="loss = 1.0",
        expect='verdict = "within"',
    )
    out = folder / "out.json"
    done = parity("run", probe, "--out", folder / "run", "--json", out, "--repeats", str(repeats), plugin=True)
    return json.loads(out.read_text())["probes"][0]["cells"][0], done.stdout


def test_where_nothing_repeats_itself_a_control_is_held_against_the_repetitions(tmp_path: Path) -> None:
    cell, said = noisy(tmp_path, repeats=19)
    assert (cell["verdict"], cell["control"]["status"]) == ("within", "within")
    assert "1 cell trained again without the tap: within the noise" in said


@pytest.mark.parametrize("noise", [1e-2, 1e-4])
def test_a_copy_of_the_model_is_invalid_there_too(tmp_path: Path, noise: float) -> None:
    cell, said = noisy(tmp_path, repeats=19, noise=noise, copies=True)
    assert cell["verdict"] == "invalid"
    assert cell["reason"].startswith("without the tap, the candidate ends ")
    assert cell["reason"].endswith(" (95% confidence)")
    assert cell["repetitions"] == 19
    assert "trained again without the tap" not in said


def test_with_few_repetitions_a_copy_is_not_claimed_to_be_checked(tmp_path: Path) -> None:
    cell, said = noisy(tmp_path, repeats=2, copies=True)
    assert (cell["verdict"], cell["control"]["status"]) == ("within", "undecided")
    assert cell["control"]["said"].endswith("; 19 are needed for 95% confidence")
    assert "1 cell trained again without the tap: not checked" in said


def test_a_control_that_fails_there_is_no_proof(tmp_path: Path) -> None:
    noisy(tmp_path, repeats=2)
    (tmp_path / "run" / "traces" / tmp_path.name / "p" / "1" / "control.json").write_text("{}")
    again = json.loads(parity("report", tmp_path / "run", "--format", "json").stdout)["probes"][0]["cells"][0]
    assert (again["verdict"], again["reason"]) == ("invalid", "the control run failed; see trainer-control.log")
