"""What `[environment]` may name for a package: a release, or the path of a checkout or a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from parity.errors import BadProbeError
from parity.files import is_file, is_folder, is_there
from parity.files import resolved as absolute

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUILT_BY = ("pyproject.toml", "setup.py")
_WHEEL = ".whl"


def is_path(value: str) -> bool:
    """Whether a value is a path, not a release."""
    return value.startswith((".", "/")) or value.endswith(_WHEEL)


def resolved(environment: Mapping[str, object], folder: Path) -> dict[str, object]:
    """The environment with canonical package names, and with paths relative to `folder` made absolute.

    Raises:
        UnreadableError: no file can have such a path.

    """
    return {
        canonicalize_name(name): str(absolute(folder / value)) if isinstance(value, str) and is_path(value) else value
        for name, value in environment.items()
    }


def check_sources(environment: Mapping[str, str]) -> None:
    """Raises BadProbeError if a package cannot be built from a path."""
    for name, value in environment.items():
        if not is_path(value):
            continue
        source = Path(value)
        if not is_there(source):
            raise BadProbeError(f"environment.{name}: {source} does not exist")
        if not is_folder(source) and not (is_file(source) and source.suffix == _WHEEL):
            raise BadProbeError(f"environment.{name}: {source} is neither a checkout nor a wheel (*{_WHEEL})")
        if is_folder(source) and not _is_buildable(source):
            raise BadProbeError(
                f"environment.{name}: {source} has no {' or '.join(_BUILT_BY)}; use the checkout's top folder"
            )


def _is_buildable(checkout: Path) -> bool:
    """Whether a folder has a file that says how to build a package from it."""
    return any((checkout / name).is_file() for name in _BUILT_BY)
