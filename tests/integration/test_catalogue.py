"""The catalogue is what its README says, and every file of it is short and says its own thing."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.integration.running import ROOT, parity

if TYPE_CHECKING:
    from pathlib import Path

PROBES = ROOT / "probes"
FILES = sorted([*PROBES.glob("current/*.toml"), *PROBES.glob("original/*.toml")])


def test_the_readme_holds_the_table_that_list_prints() -> None:
    done = parity("list", "--markdown")
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert len(rows) == 2 + len(FILES)
    assert (PROBES / "README.md").read_text().endswith(done.stdout)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_probe_is_at_most_twenty_lines(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 20


def test_every_probe_of_the_catalogue_says_why_it_expects_what_it_expects() -> None:
    assert [file.name for file in FILES if file.parent.name == "original" and "because" not in file.read_text()] == []


def test_no_probe_repeats_the_workload_of_another() -> None:
    said: dict[str, str] = {}
    for file in FILES:
        workload = tomllib.loads(file.read_text()).get("workload")
        if workload is not None:
            assert repr(workload) not in said, f"{file.name} repeats {said[repr(workload)]}"
            said[repr(workload)] = file.name


def test_list_names_question_arms_and_expectation(tmp_path: Path) -> None:
    done = parity("list", PROBES / "original" / "layers-ignored.toml", COLUMNS="200")
    assert done.returncode == 0
    words = " ".join(done.stdout.split())
    for part in (
        "original/layers-ignored",
        "Before #669, does get_peft_model obey finetune_last_n_layers = 16?",
        "unsloth-zoo 2026.5.2",
        "diverged at step 0, stage adapt",
    ):
        assert part in words
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("question = 1\n")
    assert parity("list", wrong).returncode == 2
