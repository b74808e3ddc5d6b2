"""What `[environment]` may say of a package: a release, or a path to a checkout or a wheel of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from parity.errors import BadProbeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUILT_BY = ("pyproject.toml", "setup.py")
_WHEEL = ".whl"


def is_path(value: str) -> bool:
    """Whether it is where a package lies, and no release."""
    return value.startswith((".", "/")) or value.endswith(_WHEEL)


def resolved(environment: Mapping[str, object], folder: Path) -> dict[str, object]:
    """The same with every name as packaging spells it, and paths made absolute from `folder`."""
    return {
        canonicalize_name(name): str((folder / value).resolve()) if isinstance(value, str) and is_path(value) else value
        for name, value in environment.items()
    }


def check_sources(environment: Mapping[str, str]) -> None:
    """Raises BadProbeError where a path leads to nothing that a package can be built from."""
    for name, value in environment.items():
        if not is_path(value):
            continue
        source = Path(value)
        if not source.exists():
            raise BadProbeError(f"environment.{name}: {source} is not there")
        if source.is_file() and source.suffix != _WHEEL:
            raise BadProbeError(f"environment.{name}: {source} is neither a checkout nor a wheel (*{_WHEEL})")
        if source.is_dir() and not _is_buildable(source):
            raise BadProbeError(f"environment.{name}: {source} has no {' or '.join(_BUILT_BY)}; name its top folder")


def _is_buildable(checkout: Path) -> bool:
    """Whether a folder says how a package is built from it."""
    return any((checkout / name).is_file() for name in _BUILT_BY)
