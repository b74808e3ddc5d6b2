"""Ways to spoil a valid file, as hypothesis strategies."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HERE = "@here@"

VALUES = (
    *("null", "true", "false", "0", "-1", "1", "1.5", "-0.0", "5e-324", "1e308", "1e400", "NaN", "Infinity", "2e9"),
    *("9223372036854775808", "-9223372036854775809", "1" * 40, "1" * 299, "-" + "9" * 300, "1" * 5_000),
    *('""', '"x"', '"NaN"', '"-Infinity"', '"1"', '"\\ud800"', '"\\u0000"', '"../../x"', '"/"', '"\\u202e<b>|`@a"'),
    *(f'"{"n" * 300}"', f'"{"p/" * 3_000}"', '"many words\\n\\r\\u2028in lines"'),
    *("[]", "{}", "[[]]", "[null]", "[1, 2]", '["a", "b"]', '{"a": 1}', '{"a": {"b": []}}', '[{"a": 1}]'),
    *("[" * 1_000 + "]" * 1_000, '{"a":' * 1_000 + "1" + "}" * 1_000, "[" * 90 + "]" * 90),
)
"""What a JSON value can be replaced with, as written."""

BYTES = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\n", b"\r\n", b"\n\n", b",", b'"', b"'", b"[", b"{", b"}", b"#", b"=", b"::"),
    *(b"1" * 5_000, b"[" * 1_000, b"{" * 1_000, b"a." * 1_000, b"nan", b"1e999", b"-", "½".encode(), "٣".encode()),
)
"""What can be put anywhere into a file."""

_NUMBER = re.compile(rb"[0-9][0-9.e+-]*")


def spoiled(content: bytes, *, lines: bool = False, is_json: bool = False) -> st.SearchStrategy[bytes]:
    """The content of a file, spoiled in one way or in two.

    Args:
        content: of a valid file.
        lines: whether each line is a JSON value.
        is_json: whether the whole is one.

    """
    ways: list[st.SearchStrategy[Callable[[bytes], bytes]]] = [_flips(), _cuts(), _spans(), _insertions(), _numbers()]
    once = st.one_of(*ways).map(lambda change: change(content))
    twice = st.tuples(st.one_of(*ways), st.one_of(*ways)).map(lambda both: both[1](both[0](content)))
    if not (lines or is_json):
        return st.one_of(once, twice)
    typed = _typed(content.decode().splitlines() if lines else [content.decode()])
    return st.one_of(typed, typed, once, twice)


def _flips() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """Up to four bits."""

    def flip(at: list[int]) -> Callable[[bytes], bytes]:
        def change(content: bytes) -> bytes:
            data = bytearray(content)
            for bit in at if data else ():
                data[bit // 8 % len(data)] ^= 1 << bit % 8
            return bytes(data)

        return change

    return st.lists(st.integers(0, 2**20), min_size=1, max_size=4).map(flip)


def _cuts() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    return st.integers(0, 2**20).map(lambda at: lambda content: content[: at % (len(content) + 1)])


def _spans() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """A part is left out, doubled, or moved to the end."""

    def span(drawn: tuple[int, int, int]) -> Callable[[bytes], bytes]:
        start, length, how = drawn

        def change(content: bytes) -> bytes:
            at = start % (len(content) + 1)
            before, part, after = content[:at], content[at : at + length], content[at + length :]
            return (before + after, before + part + part + after, before + after + part)[how]

        return change

    return st.tuples(st.integers(0, 2**20), st.integers(1, 2_000), st.integers(0, 2)).map(span)


def _insertions() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    def insert(drawn: tuple[int, bytes]) -> Callable[[bytes], bytes]:
        at, given = drawn
        return lambda content: content[: at % (len(content) + 1)] + given + content[at % (len(content) + 1) :]

    return st.tuples(st.integers(0, 2**20), st.sampled_from(BYTES) | st.binary(max_size=8)).map(insert)


def _numbers() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """A number becomes another value."""

    def replace(drawn: tuple[int, str]) -> Callable[[bytes], bytes]:
        which, value = drawn

        def change(content: bytes) -> bytes:
            found = list(_NUMBER.finditer(content))
            if not found:
                return content
            at = found[which % len(found)]
            return content[: at.start()] + value.encode() + content[at.end() :]

        return change

    return st.tuples(st.integers(0, 10_000), st.sampled_from(VALUES)).map(replace)


def _typed(lines: list[str]) -> st.SearchStrategy[bytes]:
    """A value anywhere in one line becomes another one, or loses its key, or gets another key."""
    places = [(number, place) for number, line in enumerate(lines) for place in _places(json.loads(line))]

    def change(drawn: tuple[tuple[int, tuple[Any, ...]], str, str]) -> bytes:
        (number, place), value, how = drawn
        tree = json.loads(lines[number])
        if not place:
            return "\n".join([*lines[:number], value, *lines[number + 1 :], ""]).encode()
        *above, last = place
        holder = tree
        for key in above:
            holder = holder[key]
        if how == "lost":
            del holder[last]
        elif how == "renamed" and isinstance(holder, dict):
            holder[f"{last}x"] = holder.pop(last)
        else:
            holder[last] = _HERE
        text = json.dumps(tree).replace(f'"{_HERE}"', value)
        return "\n".join([*lines[:number], text, *lines[number + 1 :], ""]).encode()

    hows = st.sampled_from(["replaced", "replaced", "replaced", "lost", "renamed"])
    return st.tuples(st.sampled_from(places), st.sampled_from(VALUES), hows).map(change)


def _places(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in parts:
        yield from _places(value, (*above, key))
