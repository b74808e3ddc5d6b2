"""Imports unsloth_zoo's MLX modules where there is no Mac.

unsloth_zoo refuses to be imported where there is neither a GPU nor a Mac. Newer releases skip that
check under `UNSLOTH_ZOO_DISABLE_GPU_INIT=1`; older ones believe what `platform` says, so that
`platform.system` and `platform.machine` answer Darwin/arm64 *during the import only*. MLX itself runs
on Linux, so nothing else is pretended.
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from parity.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from types import ModuleType

INSTALL = "uv pip install unsloth-zoo, or `make setup` for the locked release"


def module(name: str) -> ModuleType:
    """`unsloth_zoo.mlx.<name>`.

    Raises:
        UnavailableError: not installed, or it cannot be imported here.

    """
    full = f"unsloth_zoo.mlx.{name}"
    if full in sys.modules:
        return sys.modules[full]
    os.environ.setdefault("UNSLOTH_ZOO_DISABLE_GPU_INIT", "1")
    try:
        return import_module(full)
    except ImportError:
        for half_imported in [key for key in sys.modules if key.partition(".")[0] == "unsloth_zoo"]:
            del sys.modules[half_imported]
    try:
        with _looks_like_a_mac():
            return import_module(full)
    except ImportError as error:
        raise UnavailableError(f"{full} cannot be imported ({error}); {INSTALL}") from error


def seam(of: str, name: str, stage: str) -> Any:
    """A function of `unsloth_zoo.mlx.<of>` that a stage is taken out by.

    Raises:
        UnavailableError: this release does not have it.

    """
    found = getattr(module(of), name, None)
    if found is None:
        raise UnavailableError(
            f"unsloth-zoo {release()}: its {stage} cannot be taken out: there is no {of}.{name}; drop stages.{stage}"
        )
    return found


def require(what: str, asked: Iterable[str], known: Collection[str]) -> None:
    """A keyword that a release does not have would be ignored or raise deep inside: says it first.

    Raises:
        UnavailableError: which keyword, and of what.

    """
    for name in asked:
        if name not in known:
            raise UnavailableError(f"unsloth-zoo {release()}: {what} has no {name!r}; drop it, or pin another release")


def release() -> str:
    """The installed release."""
    try:
        return version("unsloth-zoo")
    except PackageNotFoundError:
        return "(no release)"


@contextmanager
def device_info() -> Iterator[None]:
    """`mx.device_info` for the time of loading: mlx 0.30.0 lacks it on Linux, and the loader asks it for a name."""
    import mlx.core as mx

    if hasattr(mx, "device_info"):
        yield
        return
    with patch.object(mx, "device_info", dict[str, Any], create=True):
        yield


@contextmanager
def _looks_like_a_mac() -> Iterator[None]:
    with (
        patch.object(platform, "system", return_value="Darwin"),
        patch.object(platform, "machine", return_value="arm64"),
    ):
        yield
