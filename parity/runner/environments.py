"""Pinned releases of the trainers, each set in a virtual environment of its own, built once by uv.

A package can be built from a checkout or a wheel instead: its content is then part of the environment's key.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from uv import find_uv_bin

from parity.errors import MachineError, NotInstallableError
from parity.probe.sources import is_path
from parity.runner.cache import cache_folder
from parity.runner.checkouts import copied, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_NOT_FOR_MLX = ("torch", "torchao", "triton", "trl", "peft", "accelerate", "cut-cross-entropy", "tyro")
"""unsloth_zoo asks for a CUDA stack that its MLX modules never import."""

_READY = "requirements.lock"
_OF_THE_MACHINE = ("error sending request", "No space left on device", "dns error", "network was disabled")
"""What uv says when neither a release nor a checkout is to blame."""
_UNSOLVED = "No solution found when resolving dependencies"
_LONGEST = 400


@dataclass(frozen=True, kw_only=True)
class _Requirement:
    """A package of an environment."""

    name: str
    extra: str = ""
    release: str = ""
    """As uv spells it, with the operator; empty: the newest that fits."""
    source: Path | None = None
    """A checkout or a wheel to build it from."""

    def __str__(self) -> str:
        return self.name + self.extra + (f" from {self.source}" if self.source else self.release)

    def key(self) -> str:
        """Its part of the environment's key, which changes when a checkout is edited."""
        return f"{self} {digest(self.source)}" if self.source else str(self)

    def line(self, folder: Path) -> str:
        """The requirement as uv reads it; a source is copied into the folder first."""
        if self.source is None:
            return str(self)
        return f"{self.name}{self.extra} @ {copied(self.source, folder / self.name).as_uri()}"


def interpreter(pins: Mapping[str, str], distributions: Iterable[str], say: Callable[[str], None]) -> Path:
    """The Python of an environment with these releases, which is built if it is not cached.

    Args:
        pins: by distribution name, a release or the path of a checkout or a wheel. Empty: the interpreter that runs
            this.
        distributions: what else the arms need; without a pin, the newest release that fits is taken.
        say: called with a line before something is built.

    Raises:
        NotInstallableError: it cannot be resolved, built or installed.
        MachineError: there is no network, or a file cannot be read or written.

    """
    if not pins:
        return Path(sys.executable)
    requirements = _requirements(pins, distributions)
    with _reported(requirements):
        folder = cache_folder("environments") / _key(requirements)
        python = folder / "bin" / "python"
        if (folder / _READY).is_file() and not python.exists():  # its base Python is gone
            shutil.rmtree(folder)
        if not (folder / _READY).is_file():
            say(f"building an environment with {_listed(requirements)}")
            _build(folder, requirements)
    return python


def newest_beside(pins: Mapping[str, str], most: Mapping[str, str]) -> dict[str, str]:
    """The newest releases of other packages that can be installed with these pins.

    Args:
        pins: as `interpreter` takes them.
        most: by distribution name, the newest release to take.

    Raises:
        NotInstallableError: there are none.
        MachineError: there is no network, or a file cannot be read or written.

    """
    requirements = _requirements(pins, most, most=most)
    with _reported(requirements), tempfile.TemporaryDirectory(dir=cache_folder("environments")) as folder:
        lock = _resolve(Path(folder), requirements).read_text(encoding="utf-8")
    found = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock, flags=re.MULTILINE))
    return {name: found[name] for name in most if name in found}


def _requirements(
    pins: Mapping[str, str], distributions: Iterable[str], most: Mapping[str, str] | None = None
) -> list[_Requirement]:
    extras = {"mlx": "[cpu]"} if platform.system() == "Linux" else {}
    names = sorted({"mlx", "numpy", *map(canonicalize_name, distributions), *pins})

    def requirement(name: str) -> _Requirement:
        pin, extra = pins.get(name, ""), extras.get(name, "")
        if is_path(pin):
            return _Requirement(name=name, extra=extra, source=Path(pin))
        bound = f"<={most[name]}" if most and name in most else ""
        return _Requirement(name=name, extra=extra, release=f"=={pin}" if pin else bound)

    return [requirement(name) for name in names]


def _listed(requirements: Sequence[_Requirement]) -> str:
    return ", ".join(map(str, requirements))


def _key(requirements: Sequence[_Requirement]) -> str:
    python = f"{platform.python_version()} {platform.system()} {platform.machine()}"
    keys = [requirement.key() for requirement in requirements]
    return hashlib.blake2b("\n".join([python, *keys]).encode(), digest_size=8).hexdigest()


@contextmanager
def _reported(requirements: Sequence[_Requirement]) -> Iterator[None]:
    """Turns the error of a file that cannot be read or written into one line that names the environment."""
    try:
        yield
    except OSError as error:
        said = error.strerror or error
        raise MachineError(f"environment {_listed(requirements)} cannot be built: {said}") from None


def _build(folder: Path, requirements: Sequence[_Requirement]) -> None:
    """Builds next to the final folder and renames, so that no half-built environment is ever found."""
    building = folder.with_name(f"building-{folder.name}-{os.getpid()}")
    venv = building / "venv"
    python = str(venv / "bin" / "python")
    try:
        building.mkdir()
        lock = _resolve(building, requirements)
        _uv("venv", "--relocatable", "--python", sys.executable, str(venv), within=building, asked=requirements)
        _uv("pip", "sync", "--python", python, str(lock), within=building, asked=requirements)
        shutil.copy(lock, venv / _READY)
        try:
            venv.rename(folder)
        except OSError:
            if not (folder / _READY).is_file():  # if it is, another process was faster
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _resolve(building: Path, requirements: Sequence[_Requirement]) -> Path:
    """Writes every release that these need into a file for `uv pip sync`."""
    lines = [requirement.line(building / "sources") for requirement in requirements]
    (building / "pyproject.toml").write_text(_project(lines), encoding="utf-8")
    lock = building / _READY
    _uv("pip", "compile", "pyproject.toml", "--python", sys.executable, "--no-emit-index-url",
        "--output-file", str(lock), within=building, asked=requirements)  # fmt: skip
    return lock


def _project(requirements: list[str]) -> str:
    """A project for uv; only in a project can an exclusion be scoped to one package."""
    dependencies, excluded = json.dumps(requirements), json.dumps(list(_NOT_FOR_MLX))
    return (
        f'[project]\nname = "pinned"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = {dependencies}\n'
        f'[tool.uv]\nexclude-dependencies = [{{ package = {{ name = "unsloth-zoo" }}, dependencies = {excluded} }}]\n'
    )


def _uv(*arguments: str, within: Path, asked: Sequence[_Requirement]) -> None:
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
        what = f"environment {_listed(asked)}"
        causes = _causes(done.stderr)
        for cause in causes:
            if any(words in cause for words in _OF_THE_MACHINE):
                raise MachineError(f"{what} cannot be installed: {cause[:_LONGEST]}")
        why = re.split(", we can conclude that| and pinned depends on", ": ".join(causes), maxsplit=1)[0]
        raise NotInstallableError(what, why[:_LONGEST])


def _causes(said: str) -> list[str]:
    """The causes that uv prints, from the outermost to the root, without the frame around them."""
    line = " ".join(said.translate(str.maketrans("", "", "×╰─▶│├")).split()).removeprefix("error: ")
    return [cause for cause in line.split(" cause: ") if cause != _UNSOLVED]
