"""`make setup` takes a python3 that is new enough, and where it is too old, as on a new Mac, one that uv has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.workflows.runner import ROOT
from tests.unit.workflows.standin import Tool, program, put, tool

if TYPE_CHECKING:
    from pathlib import Path

UV: dict[str, object] = {"uv --version": {"prints": "uv 0.13.9\n"}}
LOOKS = "python3 is Python 3.9.6; mlx-parity needs 3.11 or newer, which uv finds or fetches.\n"
SORRY = "mlx-parity needs Python 3.11 or newer; python3 is Python 3.9.6. Try: make setup PYTHON=python3.12\n"
OLD = """#!/bin/sh
case "$*" in
*version_info*) exit 1 ;;
-V) echo Python 3.9.6 ;;
-m*) mkdir -p .uv/bin && ln -s "HERE/uv" .uv/bin ;;
*) exec "PYTHON" "$@" ;;
esac
"""


@pytest.fixture
def made(tmp_path: Path) -> Tool:
    """A checkout without an environment, on a machine whose python3 is 3.9."""
    found = tool(tmp_path)
    shutil.rmtree(found.folder / ".venv")
    (found.folder / ".venv").mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, found.folder)
    put(found.home / "uv", program(found.home))
    put(found.home / "bin" / "python3", OLD.replace("HERE", str(found.home)).replace("PYTHON", sys.executable))
    return found


def setup(made: Tool, told: dict[str, object] = UV, uv: str = "uv") -> subprocess.CompletedProcess[str]:
    """Calls the real `make`, which the stand-in hides."""
    made.tell(**told)
    (made.home / "bin" / "make").unlink(missing_ok=True)
    path = f"{made.home / 'bin'}:{made.home}:{os.environ['PATH']}"
    command = ["make", "--no-print-directory", "-C", str(made.folder), "setup", "PYTHON=python3", f"UV={uv}"]
    return subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)


def asked_for(made: Tool) -> list[str]:
    """The Pythons that environments were made with."""
    for call in made.calls("uv", "pip"):
        assert call.words[call.words.index("--python") + 1] == ".venv/bin/python"
    return [call.words[3] for call in made.calls("uv", "venv")]


def is_set_up(made: Tool) -> bool:
    return len(made.calls("uv", "pip")) == 2 and (made.folder / ".venv" / ".synced").is_file()


def test_a_python_that_is_new_enough_is_taken_without_a_word(made: Tool) -> None:
    put(made.home / "bin" / "python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    done = setup(made)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert asked_for(made) == ["python3"]
    assert is_set_up(made)


@pytest.mark.parametrize("uv", ["uv", ".uv/bin/uv"])
def test_of_an_old_python_uv_is_installed_and_looks_for_a_newer_one(made: Tool, uv: str) -> None:
    done = setup(made, uv=uv)
    assert (done.returncode, done.stdout, done.stderr) == (0, LOOKS, "")
    assert asked_for(made) == [">=3.11,<3.15"]
    assert is_set_up(made)
    assert (made.folder / ".uv" / "bin" / "uv").exists() == (uv != "uv")


def test_an_environment_that_is_there_is_kept(made: Tool) -> None:
    put(made.folder / ".venv" / "bin" / "python", program(made.home))
    done = setup(made)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert asked_for(made) == []
    assert is_set_up(made)


def test_where_uv_has_none_either_one_line_says_what_to_do(made: Tool) -> None:
    done = setup(made, UV | {"uv venv": {"status": 1}})
    assert (done.returncode, done.stdout) == (2, LOOKS + SORRY)
    assert not is_set_up(made)


@pytest.mark.parametrize("python", ["Python 3.9.6", "missing"])
def test_where_uv_cannot_be_installed_one_line_says_what_to_do(made: Tool, python: str) -> None:
    fails = "exit 127" if python == "missing" else f"[ $1 = -V ] && echo {python}"
    put(made.home / "bin" / "python3", f"#!/bin/sh\n{fails}\n")
    done = setup(made, uv=".uv/bin/uv")
    assert done.returncode == 2
    assert done.stdout == (LOOKS + SORRY).replace("Python 3.9.6", python)
    assert made.calls("uv") == []


def test_what_fails_after_a_python_was_found_is_not_laid_to_it(made: Tool) -> None:
    done = setup(made, UV | {"uv pip": {"status": 1}})
    assert (done.returncode, done.stdout) == (2, LOOKS)
    assert not is_set_up(made)
