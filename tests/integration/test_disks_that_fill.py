"""What cannot be written costs neither the verdict nor the traces, and is no mistake of the user's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

_CANNOT = "cannot be written (Is a directory)"


def _run(folder: Path, fault: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    probe = probe_file(
        folder / "probes" / "full.toml",
        extends="hello",
        candidate=f'provider = "faulty"\nsettings = {{ fault = "{fault}" }}',
        expect='verdict = "identical"',
    )
    return parity("run", probe, "--steps", "1", "--out", folder / "run", *options, plugin=True)


def test_a_report_that_cannot_be_kept_costs_only_itself(tmp_path: Path) -> None:
    done = _run(tmp_path, "the report cannot be kept")
    assert done.returncode == 74
    assert "1 probe, as expected: identical." in done.stdout
    run = tmp_path / "run"
    assert done.stderr == (
        f"parity: {run}/report.html: the report {_CANNOT}; the traces are kept, and `parity report {run}` reads them\n"
    )
    assert json.loads((run / "results.json").read_text())["status"] == 0
    assert {file.name for file in run.iterdir()} >= {"plan.json", "results.json", "report.md", "traces"}
    assert not list(run.glob(".*"))
    assert parity("report", run).returncode == 0


def test_an_ending_that_cannot_be_kept_ends_the_run_in_one_line(tmp_path: Path) -> None:
    done = _run(tmp_path, "its exit status cannot be kept", "--seeds", "1,2")
    assert done.returncode == 74
    assert "probes/full is invalid, an arm did not run (seed 1)" in done.stdout
    cell = tmp_path / "run" / "traces" / "probes" / "full" / "1"
    assert done.stderr.splitlines()[-1] == (
        f"parity: {cell}: it cannot be recorded how this cell ended (Is a directory), so no more cells were run; "
        "the traces are kept"
    )
    assert (cell / "candidate.jsonl").exists()
    assert parity("report", tmp_path / "run").returncode not in {0, 70}


def test_a_control_that_cannot_be_kept_is_not_run_again_and_is_no_pass(tmp_path: Path) -> None:
    done = _run(tmp_path, "its control cannot be kept")
    assert done.returncode == 5, done.stdout
    assert "the control of probes/full (seed 1)" in done.stdout
    assert parity("report", tmp_path / "run").returncode == 5


def test_json_that_cannot_be_kept_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "out.json").mkdir()
    done = _run(tmp_path, "none", "--json", tmp_path / "out.json")
    assert done.returncode == 74
    assert done.stderr.splitlines()[-1] == f"parity: --json {tmp_path}/out.json: {_CANNOT}"
    assert "1 probe, as expected: identical." in done.stdout
    assert (tmp_path / "run" / "report.html").exists()
