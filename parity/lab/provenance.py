"""Which code, which versions, which device: what a trace's header says about where it was recorded."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from parity import __version__
from parity.trace.upstream import installed
from parity.trace.values import Header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parity.probe.values import ArmName, Probe

_ALWAYS = ("mlx", "mlx-lm", "numpy", "transformers")

_SHOWN = (
    "CUDA_VISIBLE_DEVICES",
    "HF_HUB_OFFLINE",
    "MKL_NUM_THREADS",
    "MLX_BFS_MAX_WIDTH",
    "MLX_DISABLE_COMPILE",
    "MLX_ENABLE_TF32",
    "MLX_MAX_MB_PER_BUFFER",
    "MLX_MAX_OPS_PER_BUFFER",
    "MLX_METAL_FAST_SYNCH",
    "MLX_RANK",
    "MLX_SDPA_BLOCKS",
    "OMP_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTHONOPTIMIZE",
    "TOKENIZERS_PARALLELISM",
    "TRANSFORMERS_OFFLINE",
    "UNSLOTH_COMPILE_DISABLE",
    "UNSLOTH_ZOO_DISABLE_GPU_INIT",
    "VECLIB_MAXIMUM_THREADS",
)
"""Environment variables that can change a result, or which code runs, and whose values are not private."""
_NAMED = ("CPATH", "DYLD_INSERT_LIBRARIES", "HF_HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "MLX_HOSTFILE")
"""The same, but a value may be private: only that they are set is recorded."""


def header_of(probe: Probe, name: ArmName, seed: int, told: Mapping[str, Any]) -> Header:
    """The header of the trace of an arm, from where it runs."""
    return Header(
        probe=probe.name,
        arm=name,
        seed=seed,
        steps=probe.workload.steps,
        declared=asdict(probe.arm(name)) | {"workload": asdict(probe.workload_of(name))},
        provenance=told,
    )


def provenance(distributions: Iterable[str], claims: Iterable[str] = ()) -> dict[str, Any]:
    """Where an arm runs. `device.deterministic` decides whether a difference can be noise.

    Args:
        distributions: whose releases are told, beside those that every arm runs.
        claims: those that the arm's own provider says it runs.

    """
    device = mx.default_device()
    on_cpu = device.type == mx.DeviceType.cpu
    return {
        "parity": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "compiler": compiler_release(),
        "device": {"type": "cpu" if on_cpu else "gpu", "deterministic": on_cpu, "name": _device_name()},
        "build": {"mlx": str(getattr(mx, "__version__", "")), "metal": mx.metal.is_available()},
        "versions": {name: found for name in sorted({*_ALWAYS, *distributions}) if (found := _version(name))},
        "environment": _environment(),
        "upstream": installed(),
        "claims": list(claims),
    }


def _device_name() -> str:
    """MLX's name for the device; releases before 0.31 have one for a GPU only."""
    told = getattr(mx, "device_info", None)
    if told is None and mx.metal.is_available():
        told = mx.metal.device_info
    try:
        return str(told()["device_name"]) if told is not None else _processor()
    except (KeyError, RuntimeError, ValueError):
        return _processor()


def _processor() -> str:
    """The processor's name, from Linux if possible and from `platform` if not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _environment() -> dict[str, str]:
    shown = {name: os.environ[name] for name in _SHOWN if name in os.environ}
    return shown | dict.fromkeys((name for name in _NAMED if name in os.environ), "set")


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def compiler_release() -> str:
    """The compiler that builds kernels on this machine, such as `g++ 12.2.0`; empty if there is none."""
    found = shutil.which("g++") if platform.system() == "Linux" else None
    if found is None:
        return ""
    try:
        told = subprocess.run([found, "-dumpfullversion"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f"g++ {told.stdout.strip()}".strip()
