"""Where things are kept between runs: `$MLX_PARITY_CACHE`, or the platform's place for caches."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from parity.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK, _WHOLE, _KERNELS = "lock", "whole-kernels", "mlx"


def cache_folder(name: str) -> Path:
    """A folder of the cache, made where it is missing.

    Raises:
        UnavailableError: it cannot be made.

    """
    root = Path(os.environ.get("MLX_PARITY_CACHE") or user_cache_path("mlx-parity"))
    folder = (root / name).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"cache {folder}: {error.strerror}; name another with MLX_PARITY_CACHE") from None
    return folder


@dataclass(frozen=True, kw_only=True)
class KernelSlot:
    """A temporary folder for one cell at a time; its kernels are kept for the next.

    MLX on a CPU builds its compiled kernels with g++ into the temporary folder, and loads whatever
    file is there by that name, finished or not (mlx 0.30 to 0.32). Two cells that build one kernel
    side by side, or a cell after one that was killed while building, would load half of it.
    """

    folder: Path
    lock: int
    """A descriptor that the cell inherits: the slot is taken until it, and any g++ of its, is gone."""

    def keep_kernels(self) -> None:
        """Says that the cell ended by itself, so that every kernel in the folder is whole."""
        names = sorted(str(path.relative_to(self.folder)) for path in _kernels(self.folder))
        (self.folder / _WHOLE).write_text("\n".join(names), encoding="utf-8")


@contextmanager
def kernel_slot() -> Iterator[KernelSlot]:
    """Takes the first slot that nobody holds, in this process or another."""
    kernels = cache_folder("kernels")
    for number in count():
        folder = kernels / f"slot-{number}"
        folder.mkdir(exist_ok=True)
        with (folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _tidy(folder)
            yield KernelSlot(folder=folder, lock=lock.fileno())
            return


def _kernels(folder: Path) -> list[Path]:
    return [path for path in (folder / _KERNELS).rglob("*") if path.is_file()]


def _tidy(folder: Path) -> None:
    """Removes what a killed cell left: its scratch, and kernels that no cell has vouched for."""
    listed = folder / _WHOLE
    whole = set(listed.read_text("utf-8").split("\n")) if listed.is_file() else set()
    for path in _kernels(folder):
        if str(path.relative_to(folder)) not in whole:
            path.unlink()
    for path in folder.iterdir():
        if path.name in {_LOCK, _WHOLE, _KERNELS}:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
