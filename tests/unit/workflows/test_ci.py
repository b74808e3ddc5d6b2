"""`.ci/run` installs a browser where there is none and it may, and goes on in any case."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.workflows.runner import ROOT
from tests.unit.workflows.standin import Call, Tool, program, put, tool

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = [("-qq", "update"), ("-qq", "--yes", "--no-install-recommends", "install", "chromium")]


@pytest.fixture
def made(tmp_path: Path) -> Tool:
    """A machine of root's with apt-get and without a browser."""
    found = tool(tmp_path)
    shutil.copytree(ROOT / ".ci", found.folder / ".ci")
    for place in (found.folder / ".venv/bin/python", found.home / "bin/apt-get", found.home / "bin/id"):
        put(place, program(found.home))
    return found


def run(
    made: Tool, told: dict[str, object] | None = None, path: str = os.environ["PATH"]
) -> subprocess.CompletedProcess[str]:
    made.tell(**{"id": {"prints": "0\n"}, "python": {"status": 1}} | (told or {}))
    environment = os.environ | {"PATH": f"{made.home / 'bin'}:{path}"}
    command = [made.folder / ".ci" / "run"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def called(made: Tool) -> list[Call]:
    asked = made.calls("apt-get")
    assert [call.words for call in made.calls("python")] == [("-m", "tests.examples.browser")]
    assert [call.words for call in made.calls("make")] == [("setup",), ("lint",), ("test",)]
    return asked


def test_a_missing_browser_is_installed_from_the_distribution(made: Tool) -> None:
    done = run(made)
    assert (done.returncode, done.stdout) == (0, "")
    asked = called(made)
    assert [call.words for call in asked] == INSTALL
    assert {call.env["DEBIAN_FRONTEND"] for call in asked} == {"noninteractive"}


@pytest.mark.parametrize("told", [{"python": {"status": 0}}, {"id": {"prints": "1000\n"}}])
def test_nothing_is_installed_where_there_is_one_or_who_runs_it_is_not_root(
    made: Tool, told: dict[str, object]
) -> None:
    assert run(made, told).returncode == 0
    assert called(made) == []


def test_where_apt_get_has_none_the_tests_decide(made: Tool) -> None:
    done = run(made, {"apt-get": {"status": 100}})
    assert (done.returncode, done.stdout) == (0, "apt-get found no chromium to install\n")
    assert [call.words for call in called(made)] == INSTALL[:1]


def test_without_apt_get_nothing_is_installed(made: Tool) -> None:
    (made.home / "bin" / "apt-get").unlink()
    tools = made.home / "tools"
    tools.mkdir()
    for name in ("bash", "dirname"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    done = run(made, path=str(tools))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert called(made) == []
