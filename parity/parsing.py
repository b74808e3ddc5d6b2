"""Parses JSON and TOML that come from outside, within limits of depth and digits that a user never meets.

Python's own limits depend on how deep the caller is, and some of them are a traceback.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from typing import TYPE_CHECKING, Any, NoReturn

from parity.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEEPEST = 100
"""Levels of nesting; Python's own limit depends on who calls."""
LONGEST_NUMBER = 300
"""Digits of a whole number, so that each is also a float; Python refuses 4,301 and needs seconds for less."""

_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_DOTTED = re.compile(rf"(?<![\w\"'-])(?:[\w\"'-]+\s*\.\s*){{{DEEPEST}}}")


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
