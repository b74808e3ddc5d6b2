"""No cell runs for ever, and nothing that a trainer starts outlives it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.integration.running import ROOT, cells, parity, probe_file

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path
    from typing import Any

ENDLESS = ("hangs at step 2", "leaves a thread")
HARMLESS = ("leaves a child", "reads standard input", "changes the folder")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A run whose `--out` is relative, as it is by default."""
    folder: Path = tmp_path_factory.mktemp("late")
    for fault in (*ENDLESS, *HARMLESS):
        probe = probe_file(
            folder / "probes" / f"{fault}.toml",
            extends="hello",
            candidate=f'provider = "faulty"\nsettings = {{ fault = "{fault}" }}',
            expect='verdict = "identical"',
        )
        if fault in ENDLESS:
            probe.write_text(f"minutes = 0.25\n{probe.read_text()}")
    out = os.path.relpath(folder / "run", ROOT)
    options = ("--steps", "3", "--jobs", "2", "--out", out, "--json", folder / "out.json")
    return folder, parity("run", folder / "probes", *options, plugin=True)


@pytest.fixture(scope="module")
def found(run: tuple[Path, subprocess.CompletedProcess[str]]) -> dict[str, dict[str, Any]]:
    assert (run[0] / "out.json").exists(), run[1].stderr
    return cells(run[0] / "out.json")


def test_a_cell_whose_time_is_over_ends_by_name_with_what_it_was_doing(found: dict[str, dict[str, Any]]) -> None:
    cell = found["hangs at step 2"]
    assert cell["verdict"] == "invalid"
    assert cell["failure"] == ("candidate: was killed at its limit of 0.25 min, after step 2 of 3; see trainer.log")


def test_a_thread_that_is_left_ends_with_its_cell_and_changes_no_verdict(found: dict[str, dict[str, Any]]) -> None:
    cell = found["leaves a thread"]
    assert (cell["verdict"], cell["failure"]) == ("identical", "")
    assert cell["note"] == (
        "the process was killed at its limit of 0.25 min after its last step; the traces are complete"
    )


@pytest.mark.parametrize("fault", HARMLESS)
def test_the_other_cells_go_on(found: dict[str, dict[str, Any]], fault: str) -> None:
    assert (found[fault]["verdict"], found[fault]["failure"], found[fault]["note"]) == ("identical", "", "")


def test_the_log_says_that_the_time_was_over(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    log = run[0] / "run" / "traces" / "probes" / "hangs at step 2" / "1" / "trainer.log"
    assert log.read_text().endswith("parity: killed, because its time is over; a probe sets it with `minutes`\n")


def test_a_child_does_not_outlive_its_cell(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    child = int((run[0] / "run" / "traces" / "probes" / "leaves a child" / "1" / "child").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_stored_run_is_judged_again_alike(run: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    again = parity("report", run[0] / "run")
    assert again.returncode == run[1].returncode == 3
    assert "was killed at its limit of 0.25 min" in again.stdout.replace("\n", " ")
