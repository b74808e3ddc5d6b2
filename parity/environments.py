"""Pinned releases of the trainers, each set in a virtual environment of its own, built once by uv."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from uv import find_uv_bin

from parity.cache import cache_folder
from parity.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NOT_FOR_MLX = ("torch", "torchao", "triton", "trl", "peft", "accelerate", "cut-cross-entropy", "tyro")
"""unsloth_zoo asks for a CUDA stack that its MLX modules never import."""

_READY = "requirements.lock"


def interpreter(pins: Mapping[str, str], distributions: Iterable[str], say: Callable[[str], None]) -> Path:
    """The Python of an environment with these releases, built where it is not cached.

    Args:
        pins: releases by distribution name. None: the interpreter that runs this.
        distributions: what the arms need besides; without a pin the newest release that fits.
        say: called with a line before something is built.

    Raises:
        UnavailableError: it cannot be resolved or installed.

    """
    if not pins:
        return Path(sys.executable)
    requirements = _requirements(pins, distributions)
    folder = cache_folder("environments") / _key(requirements)
    python = folder / "bin" / "python"
    if (folder / _READY).is_file() and not python.exists():  # its base Python has gone
        shutil.rmtree(folder)
    if not (folder / _READY).is_file():
        say(f"building an environment with {', '.join(requirements)}")
        _build(folder, requirements)
    return python


def _requirements(pins: Mapping[str, str], distributions: Iterable[str]) -> list[str]:
    names = sorted({"mlx", "numpy", *distributions, *pins})
    extra = {"mlx": "[cpu]"} if platform.system() == "Linux" else {}
    return [name + extra.get(name, "") + (f"=={pins[name]}" if name in pins else "") for name in names]


def _key(requirements: list[str]) -> str:
    python = f"{platform.python_version()} {platform.system()} {platform.machine()}"
    return hashlib.blake2b("\n".join([python, *requirements]).encode(), digest_size=8).hexdigest()


def _build(folder: Path, requirements: list[str]) -> None:
    """Builds beside the final place and renames, so that no half-built environment is ever found."""
    building = folder.with_name(f"building-{folder.name}-{os.getpid()}")
    try:
        building.mkdir()
        (building / "pyproject.toml").write_text(_project(requirements), encoding="utf-8")
        venv, lock = building / "venv", building / _READY
        python = str(venv / "bin" / "python")
        _uv("pip", "compile", "pyproject.toml", "--python", sys.executable, "--no-emit-index-url",
            "--output-file", str(lock), within=building, asked=requirements)  # fmt: skip
        _uv(
            "venv",
            "--relocatable",
            "--python",
            sys.executable,
            str(venv),
            within=building,
            asked=requirements,
        )
        _uv("pip", "sync", "--python", python, str(lock), within=building, asked=requirements)
        shutil.copy(lock, venv / _READY)
        try:
            venv.rename(folder)
        except OSError:
            if not (folder / _READY).is_file():  # otherwise another process was faster
                raise
    except OSError as error:
        said = error.strerror or error
        raise UnavailableError(f"environment {', '.join(requirements)} cannot be built: {said}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _project(requirements: list[str]) -> str:
    """A project for uv; only there can an exclusion be scoped to one package."""
    dependencies, excluded = json.dumps(requirements), json.dumps(list(_NOT_FOR_MLX))
    return (
        f'[project]\nname = "pinned"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = {dependencies}\n'
        f'[tool.uv]\nexclude-dependencies = [{{ package = {{ name = "unsloth-zoo" }}, dependencies = {excluded} }}]\n'
    )


def _uv(*arguments: str, within: Path, asked: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [find_uv_bin(), *arguments, "--quiet"],
        cwd=within,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.translate(str.maketrans("", "", "×╰─▶│├")).split())
        raise UnavailableError(f"environment {', '.join(asked)} cannot be installed: {said[:400]}")
