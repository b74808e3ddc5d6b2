"""Reading and writing files."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Writes a file completely or not at all, even if the process is interrupted.

    Raises:
        OSError: it cannot be written; nothing of it is left.

    """
    half = file.with_name(f".{file.name}")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(file)
    except OSError:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise
