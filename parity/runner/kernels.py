"""Kernels that MLX builds with g++ on Linux: shared between cells, once they are complete."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import Distribution
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from parity.runner.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LOCK, _KERNELS, _WHOLE = "lock", "mlx", "whole-kernels"


def whole_kernels() -> Path:
    """The folder of the kernels that every cell begins with, by release of MLX: `0.32.4/cpu/...`."""
    return cache_folder(_WHOLE)


@dataclass(frozen=True, kw_only=True)
class KernelSlot:
    """A temporary folder for one cell at a time, with the kernels that earlier cells have built.

    MLX on a CPU builds its compiled kernels with g++ into the temporary folder, and loads any file of the
    right name there, finished or not (mlx 0.30 to 0.32). If two cells built the same kernel at the same
    time, or if one was killed while building, a cell could load half a kernel. So each cell builds in a
    slot of its own, and other cells get its kernels once it has ended.
    """

    folder: Path
    lock: int
    """A descriptor that the cell inherits: the slot is taken until the cell and all its g++ processes are gone."""

    def keep_kernels(self) -> None:
        """Shares the kernels in the folder: the cell ended by itself, so that all of them are complete."""
        _give(self.folder / _KERNELS, whole_kernels(), self.folder)


@contextmanager
def kernel_slot() -> Iterator[KernelSlot]:
    """Takes the first slot that no cell of any process holds."""
    slots = cache_folder("slots")
    for number in count():
        folder = slots / str(number)
        folder.mkdir(exist_ok=True)
        with (folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _empty(folder)
            _give(whole_kernels(), folder / _KERNELS, folder)
            yield KernelSlot(folder=folder, lock=lock.fileno())
            return


def _give(kernels: Path, to: Path, scratch: Path) -> None:
    """Links the files that are missing, each completely or not at all; some thousand of them before every cell."""
    for folder, _, names in os.walk(kernels):
        there = to / Path(folder).relative_to(kernels)
        there.mkdir(parents=True, exist_ok=True)
        for name in set(names).difference(path.name for path in there.iterdir()):
            try:
                os.link(f"{folder}/{name}", f"{there}/{name}")
            except FileExistsError:  # another cell was faster
                continue
            except OSError:  # no hard links here
                Path(shutil.copy(f"{folder}/{name}", scratch)).replace(there / name)


def _empty(folder: Path) -> None:
    """Removes what the last cell has left there: scratch files, and kernels that may be incomplete."""
    for path in folder.iterdir():
        if path.name == _LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def missing_compiler() -> str:
    """What to do if g++ is needed and missing; empty if nothing has to be done."""
    if platform.system() != "Linux" or shutil.which("g++") is not None:
        return ""
    return "g++ is not on the path: MLX builds its CPU kernels with it; apt-get install g++"


_HEADER = "mlx/backend/cpu/compiled_preamble.h"


_OPTIONS = ("-std=c++17", "-O3", "-Wall", "-fPIC")
"""The options that MLX uses (`mlx/backend/cpu/jit_compiler.cpp`, 0.30 to 0.32)."""


def precompile_preamble(path: Sequence[str]) -> None:
    """Compiles the header that all kernels include, and puts it where cells find it; without it they take longer.

    Args:
        path: folders in which the MLX of the cells is installed, as in `sys.path`.

    """
    if platform.system() != "Linux":
        return
    mlx = next(iter(Distribution.discover(name="mlx", path=[*path])), None)
    if mlx is None or not mlx.version.replace(".", "").isdigit():
        return  # a different build with the same version may have a different header
    include = Path(str(mlx.locate_file("mlx/include")))
    compiled = whole_kernels() / mlx.version / "cpu" / f"{_HEADER}.gch"
    if compiled.exists() or not (include / _HEADER).is_file():
        return
    with suppress(OSError):  # no compiler or no space: whatever needs them will say so
        compiled.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=compiled.parent) as folder:
            half = Path(folder) / compiled.name
            command = ["g++", *_OPTIONS, f"-I{include}", "-x", "c++-header", str(include / _HEADER), "-o", str(half)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                half.replace(compiled)
