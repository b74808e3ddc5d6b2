"""MLX on Linux builds the kernels of a compiled graph with g++, at first use."""

from __future__ import annotations

import platform
import shutil


def missing_compiler() -> str:
    """What to do where g++ is needed and missing; empty where nothing is."""
    if platform.system() != "Linux" or shutil.which("g++") is not None:
        return ""
    return "g++ is not on the path: MLX builds its CPU kernels with it; apt-get install g++"
