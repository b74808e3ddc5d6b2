"""A reference that several probes of a run have is trained once, and nothing that a cell shows is lost by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from parity.trace.file import read_trace
from tests.integration.running import cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

CANDIDATES = {
    "a-train": "mlx-lm-train",
    "b-patched": "canary/linear-patched-for-good",
    "c-pretending": "pretending",
    "d-zoo": "unsloth-zoo",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder: Path = tmp_path_factory.mktemp("shared")
    for name, provider in CANDIDATES.items():
        candidate = f'provider = "{provider}"'
        probe_file(folder / "probes" / f"{name}.toml", candidate=candidate, expect='verdict = "identical"')
    asked = ("--jobs", "2", "--out", folder / "run", "--json", folder / "out.json")
    done = parity("run", folder / "probes", *asked, plugin=True)
    assert (folder / "out.json").exists(), done.stdout + done.stderr
    return folder, done.stdout


def of(run: Path, name: str, arm: str) -> Path:
    return run / "run" / "traces" / "probes" / name / "1" / f"{arm}.jsonl"


def test_the_first_cell_lends_its_reference_and_the_report_says_so(run: tuple[Path, str]) -> None:
    folder, said = run
    first, *others = [of(folder, name, "reference") for name in CANDIDATES]
    assert read_trace(first).header.lent_by == ""
    for path in others:
        assert read_trace(path).header.lent_by == "probes/a-train"
        assert path.read_text().split("\n", 1)[1] == first.read_text().split("\n", 1)[1]
    found = cells(folder / "out.json")
    assert {name: found[name]["lent_by"] for name in CANDIDATES} == {"a-train": None} | dict.fromkeys(
        ["b-patched", "c-pretending", "d-zoo"], "probes/a-train"
    )
    assert "shared       3 cells with a reference that another one trained" in said
    line = "probes/a-train, seed 1, for probes/b-patched, probes/c-pretending, probes/d-zoo"
    assert line in (folder / "run" / "report.md").read_text()


def test_a_candidate_that_leaves_a_patch_behind_is_still_found(run: tuple[Path, str]) -> None:
    cell = cells(run[0] / "out.json")["b-patched"]
    assert cell["verdict"] == "invalid"
    assert cell["reason"].startswith("contaminated: the reference no longer repeats itself"), cell["reason"]


def test_so_is_one_that_runs_the_references_code(run: tuple[Path, str]) -> None:
    """What importing runs would otherwise be a difference between them."""
    cell = cells(run[0] / "out.json")["c-pretending"]
    assert cell["verdict"] == "invalid"
    assert cell["reason"].startswith("both arms executed the same code"), cell["reason"]


def test_a_cell_says_the_same_with_a_reference_of_its_own(run: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = run
    parity("run", folder / "probes" / "d-zoo.toml", "--out", tmp_path / "run", "--json", tmp_path / "out.json")
    ((alone,),) = ([probe["cells"][0]] for probe in probes(tmp_path))
    (shared,) = (probe["cells"][0] for probe in probes(folder) if probe["probe"] == "probes/d-zoo")
    assert (alone.pop("lent_by"), shared.pop("lent_by")) == (None, "probes/a-train")
    assert alone == shared
    ours, theirs = (probe["executed"] for each in (tmp_path, folder) for probe in probes(each)[-1:])
    assert ours == theirs


def probes(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "out.json").read_text())["probes"]
    return found
