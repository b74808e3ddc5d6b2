"""Which code, which versions, which device: what a trace's header says about where it was recorded."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from parity import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALWAYS = ("mlx", "mlx-lm", "numpy", "transformers")
_ENVIRONMENT = ("MLX_", "UNSLOTH_", "OMP_NUM_THREADS", "HF_HUB_OFFLINE", "PYTHONHASHSEED")


def provenance(distributions: Iterable[str]) -> dict[str, Any]:
    """Where an arm runs. `device.deterministic` is what decides whether a difference can be noise."""
    device = mx.default_device()
    on_cpu = device.type == mx.DeviceType.cpu
    return {
        "parity": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": {"type": "cpu" if on_cpu else "gpu", "deterministic": on_cpu},
        "versions": {name: found for name in sorted({*_ALWAYS, *distributions}) if (found := _version(name))},
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_ENVIRONMENT)},
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
