"""Reads what comes from outside, within limits that a user never meets; writes a file whole or not at all.

Whoever reads turns an `UnreadableError` into its own error, which names the file and what to do. Nothing here waits:
what is not a plain file is refused before it is read.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from parity.errors import UnreadableError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

LARGEST = 1_000_000_000
"""Bytes of a file; the rows of a data set are the largest."""
LARGEST_PROBE = 1_000_000
"""Bytes of a TOML file, whose parser is slow."""
LONGEST_PATH = 4_000
"""Bytes of a path; Linux has 4,096, macOS 1,024."""
LONGEST_NAME = 255
"""Bytes of a name in a path, on both."""


def read_bytes(path: Path, *, largest: int = LARGEST) -> bytes:
    """The content of a plain file.

    Args:
        path: where it is; links are followed.
        largest: bytes that are allowed.

    Raises:
        UnreadableError: missing, not a plain file, larger than that, or its path is none.

    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(largest + 1) if size <= largest else b""
    except OSError as error:
        raise _unreadable(error) from None
    if max(size, len(data)) > largest:
        raise UnreadableError(f"it has {max(size, len(data)):,} bytes; {largest:,} are allowed")
    return data


def read_text(path: Path, *, largest: int = LARGEST) -> str:
    """The content of a plain file in UTF-8, without a byte order mark, and with each line end as one character.

    Args:
        path: where it is; links are followed.
        largest: bytes that are allowed.

    Raises:
        UnreadableError: as for `read_bytes`, or it is not UTF-8.

    """
    return _text(read_bytes(path, largest=largest))


def read_first_line(path: Path) -> str:
    """The first line of a plain file, as `read_text` reads it; nothing after it is looked at.

    Raises:
        UnreadableError: missing, not a plain file, or the line is not UTF-8.

    """
    try:
        with open_plain(path) as file:
            line = file.readline(LARGEST)
    except OSError as error:
        raise _unreadable(error) from None
    return _text(line).partition("\n")[0]


def read_end(path: Path, *, size: int) -> str:
    """The last bytes of a plain file as text, whatever they are; for a log, which can be of any size.

    Raises:
        UnreadableError: missing, or not a plain file.

    """
    try:
        with open_plain(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read(size).decode("utf-8", errors="replace")
    except OSError as error:
        raise _unreadable(error) from None


def open_plain(path: Path) -> BufferedReader:
    """Opens a plain file for reading, and nothing that could wait for a writer.

    Raises:
        UnreadableError: missing, not a plain file, or its path is none.

    """
    check_path(path)
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise _unreadable(error) from None
    file = os.fdopen(opened, "rb") if stat.S_ISREG(mode := os.fstat(opened).st_mode) else None
    if file is None:
        os.close(opened)
        raise UnreadableError(os.strerror(errno.EISDIR) if stat.S_ISDIR(mode) else "not a plain file")
    return file


def check_path(path: Path) -> None:
    """Raises UnreadableError if no file can have this path."""
    try:
        names = [name.encode() for name in (str(path), *path.parts)]
    except UnicodeEncodeError:
        raise UnreadableError("a path that is not UTF-8, and no report could name") from None
    if b"\0" in names[0]:
        raise UnreadableError("a path with a NUL")
    if len(names[0]) > LONGEST_PATH:
        raise UnreadableError(f"a path of {len(names[0]):,} bytes; {LONGEST_PATH:,} are allowed")
    if (longest := max(map(len, names[1:]), default=0)) > LONGEST_NAME:
        raise UnreadableError(f"a name of {longest:,} bytes; {LONGEST_NAME} are allowed")


def resolved(path: Path) -> Path:
    """The absolute path without links, whether or not something is there.

    Raises:
        UnreadableError: no file can have it, or its links lead in a circle.

    """
    check_path(path)
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a circle of links is a RuntimeError before Python 3.13
        raise UnreadableError(os.strerror(errno.ELOOP)) from None


def is_file(path: Path) -> bool:
    """Whether a plain file is there; also for what no file can have as its path."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether a folder is there; also for what no folder can have as its path."""
    return stat.S_ISDIR(_mode(path))


def is_there(path: Path) -> bool:
    """Whether anything is there that a path leads to, of whatever kind."""
    return _mode(path) != 0


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


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8, at byte {error.start:,}") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _unreadable(error: OSError) -> UnreadableError:
    return UnreadableError(error.strerror or str(error))
