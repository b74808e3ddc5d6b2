"""A checkout or a wheel on this machine: identified by its content, and built from a copy.

A build in place would leave its products in the user's checkout, and would find those of the commit before there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRODUCTS = ("build", "dist")
_GIT = ".git"


def digest(source: Path) -> str:
    """A 64-bit digest of a wheel's bytes, or of the names and bytes of a checkout's files without build products.

    Raises:
        OSError: a part of it cannot be read.

    """
    seen = hashlib.blake2b(digest_size=8)
    if source.is_file():
        seen.update(source.read_bytes())
        return seen.hexdigest()
    for name in _files(source):
        path = source / name
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        for part in (str(name).encode(), content):
            seen.update(len(part).to_bytes(8, "big"))
            seen.update(part)
    return seen.hexdigest()


def copied(source: Path, into: Path) -> Path:
    """Copies it into a new folder; a checkout with its history, from which some packages take their version.

    Raises:
        OSError: a part of it cannot be read or written.

    """
    if source.is_file():
        into.mkdir(parents=True)
        return Path(shutil.copy2(source, into))

    def left_out(folder: str, names: list[str]) -> set[str]:
        at = Path(folder).relative_to(source)
        return {name for name in names if _is_left_out(source, at / name) and name != _GIT}

    shutil.copytree(source, into, symlinks=True, ignore=left_out)
    return into


def _files(folder: Path) -> Iterator[Path]:
    """The files, relative to the folder, in the same order on every machine."""
    for here, folders, names in os.walk(folder):
        at = Path(here).relative_to(folder)
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not _is_left_out(folder, at / name))
        for name in sorted([*names, *links]):
            if (folder / at / name).is_file() or name in links:
                yield at / name


def _is_left_out(folder: Path, name: Path) -> bool:
    """Whether it is a hidden folder or a build product; a `build` further down is a package of that name."""
    made = name.name == "__pycache__" or name.suffix == ".egg-info" or str(name) in _PRODUCTS
    return (made or name.name.startswith(".")) and (folder / name).is_dir()
