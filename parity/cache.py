"""Where things are kept between runs: `$MLX_PARITY_CACHE`, or the platform's place for caches."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache_folder(name: str) -> Path:
    """A folder of the cache, made where it is missing."""
    root = Path(os.environ.get("MLX_PARITY_CACHE") or user_cache_path("mlx-parity"))
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def kernel_slot() -> Iterator[Path]:
    """A temporary folder for one cell at a time, kept for the next.

    MLX on a CPU builds its compiled kernels with g++ into the temporary folder, and loads whatever
    file is there by that name, finished or not (mlx 0.30 to 0.32). Two cells that build one kernel
    side by side can therefore load half of it. Each slot is locked while a cell runs in it, across
    processes; its kernels serve the next cell, so that g++ runs once a slot.
    """
    folder = cache_folder("kernels")
    for number in count():
        slot = folder / f"slot-{number}"
        slot.mkdir(exist_ok=True)
        with (slot / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield slot
            return
