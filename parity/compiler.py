"""MLX on Linux builds the kernels of a compiled graph with g++, at first use."""

from __future__ import annotations

import platform
import shutil
import subprocess


def missing_compiler() -> str:
    """What to do where g++ is needed and missing; empty where nothing is."""
    if platform.system() != "Linux" or shutil.which("g++") is not None:
        return ""
    return "g++ is not on the path: MLX builds its CPU kernels with it; apt-get install g++"


def compiler_release() -> str:
    """`g++ 12.2.0`: what a kernel of this machine is built with; empty where none is."""
    found = shutil.which("g++") if platform.system() == "Linux" else None
    if found is None:
        return ""
    try:
        told = subprocess.run([found, "-dumpfullversion"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f"g++ {told.stdout.strip()}".strip()
