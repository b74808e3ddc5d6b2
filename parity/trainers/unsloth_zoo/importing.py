"""Imports unsloth_zoo's MLX modules on a machine that is not a Mac.

unsloth_zoo refuses to be imported on a machine without a GPU that is not a Mac. Newer releases skip that
check under `UNSLOTH_ZOO_DISABLE_GPU_INIT=1`. Older ones ask `platform`, so `platform.system` and
`platform.machine` answer Darwin/arm64 *during the import only*. MLX itself runs on Linux, so nothing else
is faked.
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
    """A function of `unsloth_zoo.mlx.<of>` through which a stage is lent.

    Raises:
        UnavailableError: this release does not have the function.

    """
    found = getattr(module(of), name, None)
    if found is None:
        raise UnavailableError(
            f"unsloth-zoo {release()} cannot lend stage '{stage}': there is no {of}.{name}; remove stages.{stage}"
        )
    return found


def require(what: str, asked: Iterable[str], known: Collection[str]) -> None:
    """Rejects keywords that this release does not have, which it would ignore or fail on deep inside.

    Raises:
        UnavailableError: a keyword is unknown; the message names it.

    """
    for name in asked:
        if name not in known:
            raise UnavailableError(
                f"unsloth-zoo {release()}: {what} has no {name!r}; remove it, or pin a different release"
            )


def release() -> str:
    """The installed release."""
    try:
        return version("unsloth-zoo")
    except PackageNotFoundError:
        return "(no release)"


@contextmanager
def device_info() -> Iterator[None]:
    """Provides `mx.device_info` while a model loads: the loader calls it, and mlx 0.30.0 lacks it on Linux."""
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
