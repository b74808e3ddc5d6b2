"""Goldens as a user meets them: recorded, looked at, compared with, and moved by another release."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.golden.file import read_golden, write_golden
from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SELF = {"candidate": 'provider = "mlx-lm-train"', "expect": 'verdict = "identical"'}
MAY = [f"environment.{name}={release}" for name, release in
       (("mlx", "0.30.0"), ("mlx-lm", "0.30.0"), ("unsloth-zoo", "2026.5.3"))]  # fmt: skip


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder: Path = tmp_path_factory.mktemp("goldens")
    probe_file(folder / "probes" / "self.toml", **SELF)
    return folder, parity("record", folder / "probes" / "self.toml", "--golden", folder / "golden")


@pytest.fixture(scope="module")
def ran(first: tuple[Path, subprocess.CompletedProcess[str]]) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder, _ = first
    asked = (folder / "probes" / "self.toml", "--golden", folder / "golden", "--out", folder / "run")
    return folder, parity("run", *asked, "--json", folder / "out.json")


def the_golden(folder: Path) -> Path:
    (path,) = folder.glob("*/probes-self-1.txt")
    return path


def altered(path: Path) -> None:
    """As if the reference had computed another loss when it was recorded."""
    golden = read_golden(path, platform=path.parent.name, probe="probes/self", seed=1)
    steps = (golden.steps[0], replace(golden.steps[1], loss=1.5))
    releases = {**golden.environment, "mlx": "0.1.0"}
    path.write_text(write_golden(replace(golden, steps=steps, environment=releases)))


def test_a_first_record_is_written_and_fails(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = first
    path = the_golden(folder / "golden")
    assert done.returncode == 1, done.stderr
    assert done.stdout == f"probes/self, seed 1: recorded for the first time: look at {path} and commit it\n"
    assert path.stat().st_size < 4000


def test_recorded_again_it_is_equal_and_nothing_is_written(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = first
    path = the_golden(folder / "golden")
    before = path.stat().st_mtime_ns
    done = parity("record", folder / "probes" / "self.toml", "--golden", folder / "golden")
    assert (done.returncode, done.stdout) == (0, f"probes/self, seed 1: equal to {path}\n")
    assert path.stat().st_mtime_ns == before


def test_a_run_on_the_same_machine_says_that_neither_moved(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = ran
    assert done.returncode == 0, done.stdout + done.stderr
    assert "golden files  1 reference compared, none moved" in done.stdout
    said = "the reference matches its golden file bit for bit; the candidate matches it"
    assert f"probes/self, seed 1: {said}" in parity("report", folder / "run", "-v").stdout
    result = json.loads((folder / "out.json").read_text())
    assert result["goldens"]["decide"] is True
    assert (result["goldens"]["compared"], result["goldens"]["moved"]) == (1, 0)
    assert result["probes"][0]["cells"][0]["golden"]["moved"] == "neither"


def test_a_reference_that_is_no_longer_its_golden_fails_the_run_and_names_the_release(
    ran: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copytree(ran[0] / "run", tmp_path / "run")
    altered(the_golden(tmp_path / "run" / "goldens"))
    done = parity("report", tmp_path / "run")
    assert done.returncode == 1
    assert "probes/self, seed 1: the reference differs from its golden file" in done.stdout
    assert "from step 2 · loss · loss, 1.5 → " in done.stdout
    assert "(mlx 0.1.0 → " in done.stdout
    assert "Not as expected: the environment moved: 1 of 1 reference differs from its golden file" in done.stdout
    page = parity("report", tmp_path / "run", "--format", "markdown").stdout
    assert page.startswith("❌ **Not as expected: the environment moved")
    assert "- ⚠ golden file, seed 1: the reference differs" in page


def test_where_goldens_do_not_decide_the_same_is_said_and_passes(
    ran: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copytree(ran[0] / "run", tmp_path / "run")
    altered(the_golden(tmp_path / "run" / "goldens"))
    plan = tmp_path / "run" / "goldens" / "goldens.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"decides": False}))
    done = parity("report", tmp_path / "run")
    assert done.returncode == 0
    assert "golden files  1 reference compared, 1 moved" in done.stdout


def test_cells_without_a_golden_are_said_once_and_decide_nothing(
    ran: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    probe_file(tmp_path / "probes" / "other.toml", **SELF)
    done = parity("run", tmp_path / "probes", "--golden", ran[0] / "golden", "--out", tmp_path / "run", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (ran[0] / "golden").iterdir()
    assert done.stdout.count(f"no golden file on {folder.name} for probes/other, seed 1: not checked") == 1


def test_a_golden_that_a_run_lost_is_not_a_pass_and_is_named(
    ran: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copytree(ran[0] / "run", tmp_path / "run")
    path = the_golden(tmp_path / "run" / "goldens")
    path.unlink()
    done = parity("report", tmp_path / "run", "-v")
    assert done.returncode == 5
    missing = f"the golden file {path.parent.name}/{path.name} is missing or damaged"
    assert f"Not decided: {missing}" in done.stdout
    said = f"no golden file on {path.parent.name} for probes/self, seed 1: not checked"
    assert done.stdout.count(said) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# mlx-parity golden", "step,loss", "not a golden: its first line is not '# mlx-parity golden'"),
        ("# schema: 1", "# schema: 2", "schema 2, this parity reads 1"),
        ("  0.001  ", "  0.002  ", "edited by hand: its digest is "),
        ("\n2 ", "\n1 ", "step 1 occurs 2 times"),
        ("# steps: 2", "# steps: 3", "cut short: 2 of 3 steps"),
    ],
)
def test_a_bad_golden_is_one_line_before_anything_is_run(
    first: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, old: str, new: str, said: str
) -> None:
    shutil.copytree(first[0] / "golden", tmp_path / "golden")
    path = the_golden(tmp_path / "golden")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    probe = first[0] / "probes" / "self.toml"
    done = parity("run", probe, "--golden", tmp_path / "golden", "--out", tmp_path / "out")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"parity: {path}: {said}")
    assert not (tmp_path / "out").exists()


def test_a_golden_of_another_workload_says_what_differs(
    first: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    folder, _ = first
    asked = ("--golden", folder / "golden", "--out", tmp_path / "out", "--set", "workload.batch_size=4")
    done = parity("run", folder / "probes" / "self.toml", *asked)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"parity: {the_golden(folder / 'golden')}: recorded for a different workload: batch_size 2 → 4; run that"
    )


def test_another_release_moves_the_reference_and_force_replaces_its_golden(
    first: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copytree(first[0] / "golden", tmp_path / "golden")
    path = the_golden(tmp_path / "golden")
    before = path.read_text()
    pins = [word for pin in MAY for word in ("--set", pin)]
    asked: list[str | Path] = [first[0] / "probes" / "self.toml", "--golden", tmp_path / "golden", *pins]
    done = parity("record", *asked)
    assert done.returncode == 1, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head == f"probes/self, seed 1: differs from {path}; nothing is written, --force replaces it"
    assert lines[0].startswith("  step 1 · loss · loss: ")
    assert any(line.startswith("  environment: mlx-lm ") and line.endswith("→ 0.30.0") for line in lines)
    assert path.read_text() == before
    forced = parity("record", *asked, "--force")
    assert forced.returncode == 0
    assert forced.stdout.splitlines() == [f"probes/self, seed 1: replaced {path}", *lines]
    assert path.read_text() != before


def test_a_reference_that_fails_is_not_recorded(tmp_path: Path) -> None:
    probe = probe_file(
        tmp_path / "nan.toml",
        extends="hello",
        reference='provider = "faulty"\nsettings = { fault = "loss is NaN" }',
        **SELF,
    )
    done = parity("record", probe, "--golden", tmp_path / "golden", plugin=True)
    assert done.returncode == 3
    assert "not recorded: loss is NaN at step 1: it equals nothing, so no golden with it can match" in done.stdout
    assert not (tmp_path / "golden").exists()
