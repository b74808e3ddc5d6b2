"""Unit tests of copies of this project, each in a fork of a process that has imported what no copy changes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pathlib import Path


def run(asked: list[tuple[Path, list[str]]]) -> list[tuple[int, str]]:
    """The exit status and the output of pytest in each folder, on these tests."""
    chosen = [(str(folder), [f"tests/unit/{test}" for test in tests]) for folder, tests in asked]
    command = [sys.executable, "-P", __file__]
    done = subprocess.run(command, input=json.dumps(chosen), capture_output=True, text=True, check=True)
    outputs = [(folder / "out.txt").read_text(encoding="utf-8") for folder, _ in asked]
    return list(zip(map(int, done.stdout.split()), outputs, strict=True))


def _serve() -> None:
    """Answers with an exit status for each folder and its tests."""
    for name in ("hypothesis", "numpy", "pandas", "pydantic", "pytest", "scipy.stats"):
        importlib.import_module(name)
    for folder, tests in json.load(sys.stdin):
        child = os.fork()
        if not child:
            _become(folder, tests)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _become(folder: str, tests: list[str]) -> NoReturn:
    import pytest

    os.chdir(folder)
    sys.path.insert(0, folder)
    out = os.open("out.txt", os.O_CREAT | os.O_WRONLY)
    os.dup2(out, 1)
    os.dup2(out, 2)
    code = pytest.main(["-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning", *tests])
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
