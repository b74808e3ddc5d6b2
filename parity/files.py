"""Reads what comes from outside, within limits that a user never meets; writes a file whole or not at all.

Whoever reads turns an `UnreadableError` into its own error, which names the file and what to do. Nothing here waits:
what is not a plain file is refused before it is read.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
import tomllib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from io import BufferedReader
    from pathlib import Path

LARGEST = 1_000_000_000
"""Bytes of a file; the rows of a data set are the largest."""
LARGEST_PROBE = 1_000_000
"""Bytes of a TOML file, whose parser is slow."""
DEEPEST = 100
"""Levels of nesting; Python's own limit depends on who calls."""
LONGEST_NUMBER = 300
"""Digits of a whole number, so that each is also a float; Python refuses 4,301 and needs seconds for less."""
LONGEST_PATH = 4_000
"""Bytes of a path; Linux has 4,096, macOS 1,024."""
LONGEST_NAME = 255
"""Bytes of a name in a path, on both."""

_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_DOTTED = re.compile(rf"(?<![\w\"'-])(?:[\w\"'-]+\s*\.\s*){{{DEEPEST}}}")


class UnreadableError(ValueError):
    """What comes from outside cannot be read; the message is the reason, as a clause without its place."""


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
    try:
        text = read_bytes(path, largest=largest).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8, at byte {error.start:,}") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


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


def parse_json(text: str, *, ours: bool = False, pairs: Callable[[list[tuple[str, Any]]], object] | None = None) -> Any:
    """A JSON value.

    Args:
        text: the whole text.
        ours: whether this tool wrote it, and so no key twice and no number that is not finite.
        pairs: makes an object from its names and values; None: a dict, of which the last value of a name counts.

    Raises:
        UnreadableError: not JSON, nested too deeply, a number of too many digits, or half a character.

    """
    _check_brackets(text)
    try:
        tree = json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite if ours else None,
            parse_constant=_refuse if ours else None,
            object_pairs_hook=_once if ours else pairs,
        )
    except json.JSONDecodeError as error:
        raise UnreadableError(f"{error.msg}, at character {error.pos + 1:,}") from None
    if _HALF.search(text):
        _check_halves(tree)
    return tree


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML table.

    Raises:
        UnreadableError: not TOML, nested too deeply, or a number of too many digits.

    """
    if _DOTTED.search(text):
        raise UnreadableError(_too_deep())
    try:
        tree = tomllib.loads(text)
    except RecursionError:
        raise UnreadableError(_too_deep()) from None
    except ValueError as error:
        digits = "digits" in str(error) and not isinstance(error, tomllib.TOMLDecodeError)
        raise UnreadableError(_too_long_a_number() if digits else str(error)) from None
    _check_tree(tree)
    return tree


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


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _unreadable(error: OSError) -> UnreadableError:
    return UnreadableError(error.strerror or str(error))


def _check_brackets(text: str) -> None:
    """Brackets are counted before anything is parsed: the parser's own limit is how deep its caller is."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[1] else -1 if found[2] else 0
        if depth > DEEPEST:
            raise UnreadableError(_too_deep())


def _check_tree(tree: Any) -> None:
    """What a table in TOML is made of can stand in many places, so that its depth shows only at the end."""
    level: Iterable[Any] = [tree]
    for _ in range(DEEPEST):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise UnreadableError(_too_deep())


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, int) and not -(10**LONGEST_NUMBER) < value < 10**LONGEST_NUMBER:
        raise UnreadableError(_too_long_a_number())
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _check_halves(tree: Any) -> None:
    try:
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnreadableError("a text with half a character") from None


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise UnreadableError(_too_long_a_number())
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise UnreadableError("a number that is too large")
    return value


def _refuse(constant: str) -> NoReturn:
    raise UnreadableError(f"{constant} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise UnreadableError("a key appears twice")
    return found


def _too_deep() -> str:
    return f"nested more than {DEEPEST} levels deep"


def _too_long_a_number() -> str:
    return f"a whole number of more than {LONGEST_NUMBER} digits"
