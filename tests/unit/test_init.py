"""`parity init` writes a folder that is complete, and touches nothing that is there."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from parity.probe.file import find_probes, read_probe
from tests.unit.workflows.runner import ROOT
from tests.unit.workflows.test_lint import SHA, lint

if TYPE_CHECKING:
    from pathlib import Path

FILES = ["first.toml", "test_parity_probes.py", "workflow.yml"]


def init(folder: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "parity", "init"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, **more)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folder that it writes."""
    assert init(tmp_path).returncode == 0
    return tmp_path / "parity"


def test_it_writes_one_folder_and_says_what_is_in_it(tmp_path: Path) -> None:
    done = init(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["parity"]
    assert sorted(path.name for path in (tmp_path / "parity").iterdir()) == FILES
    assert [line.split()[0] for line in done.stdout.splitlines()] == [f"parity/{name}" for name in FILES]


def test_its_probe_can_be_run(made: Path) -> None:
    assert [read_probe(path).name for path in find_probes([made])] == ["parity/first"]


def test_its_workflow_is_safe_once_owner_and_commit_are_put_in(made: Path, tmp_path: Path) -> None:
    text = (made / "workflow.yml").read_text().replace("@SHA", f"@{SHA}")
    shutil.copy(ROOT / "action.yml", tmp_path)
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    (tmp_path / ".github" / "workflows" / "parity.yml").write_text(text)
    done = lint(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (["mine.toml"], " (mine.toml)"),
        (["a", "b", "c", "d", "e"], " (a, b, c and 2 more)"),
        ([], ""),
        (None, ", and is not a folder"),
    ],
)
def test_it_overwrites_nothing(tmp_path: Path, there: list[str] | None, said: str) -> None:
    if there is None:
        (tmp_path / "parity").symlink_to("nowhere")
    else:
        (tmp_path / "parity").mkdir()
        for name in there:
            (tmp_path / "parity" / name).write_text("mine")
    before = sorted(os.walk(tmp_path))
    done = init(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"parity: parity: is already here{said}; nothing was written. Move it away first\n"
    assert sorted(os.walk(tmp_path)) == before


def test_a_disk_that_takes_nothing_is_one_line_and_keeps_nothing(tmp_path: Path) -> None:
    done = init(tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "parity: parity: cannot be written (File too large); nothing was kept\n"
    assert list(tmp_path.iterdir()) == []
