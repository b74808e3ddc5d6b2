"""A finished run of which any one file was removed, emptied or cut is not a pass, and says which piece it is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from parity.canaries.catalogue import find
from parity.cli.common import stored_run
from parity.errors import ParityError
from parity.report.markdown import render_markdown
from parity.store.run import read_run
from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUTS = 10
RENDERED = {"results.json", "report.md", "report.html"}
NOT_READ = {"cell.json", "lock", "trainer.log", "trainer-again.log", "trainer-control.log"}
"""What a cell was asked, who had the run, and what trainers printed; the plan and the traces decide."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A passing run with goldens that decide, a control, repetitions of a noisy reference, and known faults."""
    folder: Path = tmp_path_factory.mktemp("finished")
    probes = folder / "probes"
    probe_file(probes / "self.toml", candidate='provider = "mlx-lm-train"', expect='verdict = "identical"')
    done = parity("record", probes, "--golden", folder / "golden")
    assert done.returncode == 1, done.stderr
    noisy = 'provider = "noisy"\nsettings = { noise = 1e-4 }'
    probe_file(
        probes / "noisy.toml", reference=noisy, candidate=noisy, tolerance="loss = 0.1", expect='verdict = "within"'
    )
    asked = ("--golden", folder / "golden", "--canaries-seed", "15", "--repeats", "2", "--jobs", "2")
    done = parity("run", probes, *asked, "--out", folder / "run", plugin=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "run"


def evidence(run: Path) -> list[Path]:
    """The files of a run that its verdict rests on, below its folder."""
    files = (path.relative_to(run) for path in sorted(run.rglob("*")) if path.is_file())
    return [file for file in files if file.name not in RENDERED | NOT_READ]


def spoiled(file: Path) -> Iterator[str]:
    """Spoils a file in one way after the other, and puts it back at the end."""
    content = file.read_bytes()
    file.unlink()
    yield "removed"
    for cut in range(CUTS + 1):
        file.write_bytes(content[: len(content) * cut // (CUTS + 1)])
        yield f"cut at {cut} of {CUTS + 1}"
    file.write_bytes(content)


def said_of(run: Path) -> tuple[bool, str]:
    """Whether the folder of a run is a pass, and everything that a reader is told of it."""
    try:
        result = read_run(run, find)
    except ParityError as error:
        return False, str(error)
    return result.expected, render_markdown(result)


def piece(file: Path) -> tuple[str, ...]:
    """The names of which one must be said: the file itself, or the cell and the canary that it is of."""
    return (file.name, file.parent.parent.name, file.stem)


def test_no_spoiled_run_is_a_pass_and_the_piece_is_named(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    assert said_of(run)[0]
    files, ways, passed, unnamed = evidence(run), 0, [], []
    for file in files:
        for how in spoiled(run / file):
            is_pass, said = said_of(run)
            ways += 1
            passed += [f"{file} {how}"] if is_pass else []
            unnamed += [] if any(name in said for name in piece(file)) else [f"{file} {how}: {said[:200]}"]
    assert said_of(run)[0]
    assert (passed, unnamed) == ([], [])
    assert ways == len(files) * (CUTS + 2)


def test_what_is_rendered_and_what_was_printed_decides_nothing(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for path in [path for path in run.rglob("*") if path.name in RENDERED | NOT_READ]:
        path.unlink()
    assert said_of(run)[0]


def test_a_report_of_a_run_without_its_control_ends_as_undecided(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "traces" / "probes" / "self" / "1" / "control.json").unlink()
    done = parity("report", run)
    assert done.returncode == 5
    assert "Not decided: the control of probes/self (seed 1) is missing or damaged" in done.stdout
    assert not stored_run(run).expected
