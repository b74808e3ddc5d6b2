"""A project with three probe files: pytest runs each as a test, and a failure reads as the delta table does."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

import parity
from tests.integration.running import probe_file
from tests.prefork.cells import ENVIRONMENT

IDENTICAL = 'verdict = "identical"'


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What pytest said of the project."""

    folder: Path
    status: int
    said: str
    cases: dict[str, ET.Element]
    """By name, the cases of its JUnit file."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two probes that are as expected, one that is not."""
    folder = tmp_path_factory.mktemp("project")
    ours = {"reference": 'provider = "mlx-lm"'}
    train = {**ours, "candidate": 'provider = "mlx-lm-train"', "expect": IDENTICAL}
    probe_file(folder / "probes" / "same.toml", **train)
    half = {"candidate": 'provider = "mlx-lm"', "candidate_workload_optimizer": "learning_rate = 5e-4"}
    probe_file(folder / "probes" / "rate.toml", **ours, **half, expect=IDENTICAL)
    probe_file(folder / "probes" / "declared.toml", **ours, **half, expect='verdict = "diverged"\nstage = "schedule"')
    (folder / "pytest.ini").write_text("[pytest]\nparity_probes = probes\n")
    return folder


@pytest.fixture(scope="module")
def ran(project: Path) -> Ran:
    """The project's tests, on two workers."""
    words = ["-n", "2", "--junitxml=junit.xml", "-p", "no:cacheprovider"]
    kept = project / "kept"
    kept.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=project,
        env=ENVIRONMENT | {"TMPDIR": str(kept)},
        capture_output=True,
        text=True,
        check=False,
    )
    cases = {
        f"{case.get('classname')}::{case.get('name')}": case
        for case in ET.parse(project / "junit.xml").iter("testcase")
    }
    return Ran(folder=project, status=done.returncode, said=done.stdout, cases=cases)


def test_two_pass_and_one_fails(ran: Ran) -> None:
    assert ran.status == pytest.ExitCode.TESTS_FAILED, ran.said
    assert "1 failed, 2 passed" in ran.said


def test_the_failure_says_where_with_both_values_and_what_explains_it(ran: Ran) -> None:
    assert "\n  found       diverged at step 1, stage schedule, metric lr\n" in ran.said
    assert "\n  reference   0.00100000005\n  candidate   0.000500000024\n" in ran.said
    assert "\n  parity explain probes/rate.toml --seeds 1 --steps 2\n" in ran.said
    assert "Traceback" not in ran.said
    assert "parity/testing" not in ran.said


def test_the_failure_reads_as_the_delta_table_does(ran: Ran) -> None:
    report = re.search(r"^report: (.*)/report\.html$", ran.said, flags=re.MULTILINE)
    assert report is not None
    cell = Path(report[1], "traces", "probes", "rate", "1")
    table = str(parity.compare(cell / "reference.jsonl", cell / "candidate.jsonl"))
    assert re.match(r" step +stage +metric +reference +candidate +Δ +ULPs\n +1  schedule  lr +0\.001", table)
    assert table in ran.said


def test_the_runs_of_tests_that_pass_are_not_kept(ran: Ran) -> None:
    assert len([*(ran.folder / "kept").glob("parity-*")]) == 1


def test_the_junit_file_has_a_case_a_seed_and_the_same_text(ran: Ran) -> None:
    assert sorted(ran.cases) == [f"probes.{name}.toml::seed-1" for name in ("declared", "rate", "same")]
    failures = {name: case.find("failure") for name, case in ran.cases.items()}
    assert [name for name, failure in failures.items() if failure is not None] == ["probes.rate.toml::seed-1"]
    failure = failures["probes.rate.toml::seed-1"]
    assert failure is not None
    assert "schedule  lr" in str(failure.text)


def test_run_probes_finds_the_same(project: Path, tmp_path: Path) -> None:
    run = parity.run_probes(project / "probes" / "rate.toml", out=tmp_path / "run")
    assert not run.expected
    assert run.status is parity.ExitStatus.UNEXPECTED
    (cell,) = run.cells
    assert (cell.probe, cell.seed, cell.verdict, cell.expected) == ("probes/rate", 1, "diverged", False)
    assert cell.first_divergence is not None
    assert (cell.first_divergence.step, cell.first_divergence.stage) == (1, "schedule")
    assert str(run).startswith("Not as expected, 1 of 1 probe: probes/rate diverged, from step 1, stage schedule")
    assert "    1  schedule  lr " in str(run)
    assert (run.folder / "report.html").is_file()


def test_a_run_that_is_as_expected_is_its_sentence(project: Path, tmp_path: Path) -> None:
    run = parity.run_probes([project / "probes" / "declared.toml"], steps=1, out=tmp_path / "run")
    assert run.expected
    assert str(run) == "1 probe, as expected: diverged as declared."
    with pytest.raises(parity.ParityError, match="not empty"):
        parity.run_probes([project / "probes" / "declared.toml"], out=tmp_path / "run")
