"""The folder of what is kept between runs: `$MLX_PARITY_CACHE`, or the platform's folder for caches."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from parity.errors import UnavailableError


def cache_folder(name: str) -> Path:
    """A folder of the cache, created if it is missing.

    Raises:
        UnavailableError: it cannot be created.

    """
    root = Path(os.environ.get("MLX_PARITY_CACHE") or user_cache_path("mlx-parity"))
    folder = (root / name).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"cache {folder}: {error.strerror}; set MLX_PARITY_CACHE to a different folder"
        ) from None
    return folder
