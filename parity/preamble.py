"""The header that MLX on Linux includes in every kernel, compiled once: g++ then takes a quarter of the time for each.

GCC takes `NAME.h.gch` of a folder in which it looks for `NAME.h`, where the same compiler has made it with the same
options, and passes over it otherwise; first it looks beside the kernel's own source. The kernels have the same bytes.
"""

from __future__ import annotations

import platform
import subprocess
import tempfile
from contextlib import suppress
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING

from parity.cache import whole_kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER = "mlx/backend/cpu/compiled_preamble.h"
_OPTIONS = ("-std=c++17", "-O3", "-Wall", "-fPIC")
"""Those of MLX (`mlx/backend/cpu/jit_compiler.cpp`, 0.30 to 0.32)."""


def precompile_preamble(path: Sequence[str]) -> None:
    """Puts the compiled header where cells look for whole kernels; without one they take longer, and no more.

    Args:
        path: folders in which the MLX of the cells is installed, as in `sys.path`.

    """
    if platform.system() != "Linux":
        return
    mlx = next(iter(Distribution.discover(name="mlx", path=[*path])), None)
    if mlx is None or not mlx.version.replace(".", "").isdigit():
        return  # another build of the same name may have another header
    include = Path(str(mlx.locate_file("mlx/include")))
    compiled = whole_kernels() / mlx.version / "cpu" / f"{_HEADER}.gch"
    if compiled.exists() or not (include / _HEADER).is_file():
        return
    with suppress(OSError):  # no compiler, or no room: who needs them says so
        compiled.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=compiled.parent) as folder:
            half = Path(folder) / compiled.name
            command = ["g++", *_OPTIONS, f"-I{include}", "-x", "c++-header", str(include / _HEADER), "-o", str(half)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                half.replace(compiled)
