"""A stored run is judged and rendered where neither MLX nor a trainer is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from parity.report.json import render_json
from tests.integration.running import ROOT, parity
from tests.unit.store.test_results import everything

if TYPE_CHECKING:
    from pathlib import Path

FORMS = ("terminal", "markdown", "comment", "json", "junit", "annotations", "svg")
ABSENT = (
    "mlx", "mlx_lm", "unsloth_zoo", "transformers", "tokenizers", "huggingface_hub", "packaging", "platformdirs", "uv",
)  # fmt: skip
"""What `make judge` does not install."""

_WITHOUT = f"""
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())

from click.testing import CliRunner
from parity.cli import cli

asked = json.loads(sys.argv[1])
print(json.dumps([CliRunner().invoke(cli, words, standalone_mode=False).stdout for words in asked]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One probe of one seed that passes; beside it the results of one that has all there is, known faults included."""
    out = tmp_path_factory.mktemp("stored") / "run"
    done = parity("run", "probes/current/self.toml", "--seeds", "1", "--steps", "2", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    (out / "everything.json").write_text(render_json(everything()), encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def reports(run: Path) -> dict[tuple[str, str], str]:
    """By what was stored and format: what is printed."""
    asked = {(stored, form): ["report", str(run / stored), "--format", form] for stored in STORED for form in FORMS}
    asked["everything.json", "markdown"] = ["report", str(run / "everything.json"), "--format", "markdown"]
    said = subprocess.run(
        [sys.executable, "-c", _WITHOUT, json.dumps(list(asked.values()))], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout
    return dict(zip(asked, json.loads(said), strict=True))


STORED = ("", "results.json")


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("form", FORMS)
def test_each_report_is_made_from_a_stored_run(reports: dict[tuple[str, str], str], stored: str, form: str) -> None:
    said = " ".join(reports[stored, form].replace("&#160;", " ").split())
    assert ("seed 1" if form == "junit" else "1 probe, as expected: identical.") in said


def test_known_faults_are_known_there_too(reports: dict[tuple[str, str], str]) -> None:
    assert "known faults: 1 of 1 caught" in reports["everything.json", "markdown"]


def test_the_folder_and_its_results_say_the_same(reports: dict[tuple[str, str], str]) -> None:
    for form in FORMS:
        if form != "svg":  # its title is what was asked for
            assert reports["", form] == reports["results.json", form]


def test_the_comment_begins_with_its_marker(reports: dict[tuple[str, str], str]) -> None:
    first, second, *_ = reports["", "comment"].splitlines()
    assert first == "<!-- mlx-parity -->"
    assert second == "✅ **1 probe, as expected: identical.**"


def test_the_junit_file_has_a_case_a_seed_and_the_verdict(reports: dict[tuple[str, str], str]) -> None:
    cases = ET.fromstring(reports["", "junit"]).iter("testcase")
    names = [f"{case.get('classname')} {case.get('name')}" for case in cases]
    assert names[0] == "current/self seed 1"
    assert names[-1] == "gate verdict"


def test_results_that_were_edited_are_refused(run: Path, tmp_path: Path) -> None:
    edited = tmp_path / "results.json"
    edited.write_text((run / "results.json").read_text().replace('"expected": true', '"expected": false', 1))
    done = parity("report", edited)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"parity: {edited}: results that do not follow from their cells: expected is False, but its cells say True"
    )


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = parity("report", tmp_path / "results.json")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
