"""Large tables of nothing but numbers, read at once: the same floats, to the bit, as field by field.

Whatever is unusual (a quote, a space, a text, a missing field beside a NaN) is left to the careful reader, which names
the line that is wrong. A hypothesis test shows that both read the same.
"""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from parity.errors import UnreadableError
from parity.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Table = dict[str, "NDArray[np.float64]"]
"""By name as it is written, the values of a column; a NaN where a field is empty, if any is."""

_NUMERIC = b"0123456789+-.eE,\n"
_WORDS = b"naNAiInNfFtTyY"
"""Letters of NaN and of infinities."""
_NANS = ["nan", "NaN", "NAN"]
_JSON_NUMERIC = b"0123456789+-.eENaInfity"
_MARKS = bytes(each for each in range(1, 32) if each not in b"\t\n\r")
"""Characters that stand in no line of JSON, one for each name of a row."""
_QUOTED = re.compile(rb'"(NaN|-?Infinity)"')
_CHUNK = 1 << 23
"""Bytes of JSON Lines that are parsed at once."""


def csv_numbers(data: bytes) -> tuple[Table, bool] | None:
    """The columns of a CSV table, and whether a NaN is a word rather than an empty field; None if it is unusual."""
    data = _plain(data)
    start = 0
    while (end := data.find(b"\n", start)) >= 0 and (end == start or data.startswith(b"#", start)):
        start = end + 1
    names = [name.strip() for name in data[start : max(end, start)].split(b",")]
    body = data[end + 1 :]
    del data
    if end < 0 or len(set(names)) < len(names) or not all(_is_name(name) for name in names):
        return None
    others = body.translate(None, _NUMERIC)
    if others.translate(None, _WORDS) or (others and _has_gaps(body)):
        return None
    if body.count(b",", 0, max(body.find(b"\n"), 0) or len(body)) != len(names) - 1:
        return None  # the first row alone decides how many fields the others may have
    import pandas as pd  # noqa: PLC0415 - it takes half a second to import, and a stored result needs none

    release = tuple(map(int, pd.__version__.split(".")[:2]))
    try:
        read = pd.read_csv(
            BytesIO(body),
            header=None,
            names=range(len(names)),
            dtype=np.float64,
            keep_default_na=False,
            na_values=_NANS if others else [""],
            float_precision=None if release >= (3, 1) else "round_trip",  # exact since 3.1, which warns of the option
        )
    except (ValueError, OverflowError):
        return None
    if body.count(b",") != (len(names) - 1) * len(read):
        return None
    return {name.decode(): read[place].to_numpy() for place, name in enumerate(names)}, bool(others)


def json_numbers(data: bytes) -> tuple[Table, bool] | None:
    """The columns of JSON Lines whose lines have the same names in the same order, and True: a NaN is a word there."""
    data = _plain(data)
    try:
        first = parse_json(data[: max(data.find(b"\n"), 0)].decode("ascii"), pairs=tuple)
    except (UnreadableError, UnicodeDecodeError):
        return None
    if not isinstance(first, tuple) or not 2 <= len(first) < len(_MARKS):
        return None
    names = [name for name, _ in first]
    colon, comma = (": ", ", ") if data.startswith(f"{{{json.dumps(names[0])}: ".encode()) else (":", ",")
    before = [f"{comma if place else '{'}{json.dumps(name)}{colon}".encode() for place, name in enumerate(names)]
    table = _rows(data, names, before) if len(set(names)) == len(names) else None
    return None if table is None else (table, True)


def _plain(data: bytes) -> bytes:
    """Without a byte order mark, and with each line end as one character."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _is_name(name: bytes) -> bool:
    return name.isascii() and bool(name) and b'"' not in name


def _has_gaps(body: bytes) -> bool:
    """Whether a field is empty."""
    return body.startswith(b",") or body.endswith(b",") or any(gap in body for gap in (b",,", b",\n", b"\n,"))


def _rows(data: bytes, names: Sequence[str], before: Sequence[bytes]) -> Table | None:
    parts = []
    for chunk in _chunks(data):
        if (part := _chunk(chunk, before)) is None:
            return None
        parts.append(part)
    whole = np.concatenate(parts)
    return {name: whole[:, place] for place, name in enumerate(names)}


def _chunks(data: bytes) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _CHUNK)
        end = len(data) if end < 0 else end + 1
        yield data[start:end] if data.endswith(b"\n", start, end) else data[start:end] + b"\n"
        start = end


def _chunk(lines: bytes, before: Sequence[bytes]) -> NDArray[np.float64] | None:
    """What stands before a number becomes a mark; then every line must be the same marks with a number after each."""
    marks = _MARKS[: len(before)]
    if any(mark in lines for mark in marks):
        return None
    rows = lines.count(b"\n")
    for place, text in enumerate(before):
        lines = lines.replace(text, marks[place : place + 1])
    lines = lines.replace(b"}\n", b"\n")
    if b'"' in lines:
        lines = _QUOTED.sub(rb"\1", lines)
    if lines.translate(None, _JSON_NUMERIC) != (marks + b"\n") * rows:
        return None
    listed = lines.translate(bytes.maketrans(marks, b"," * len(marks)), b"\n")
    try:
        values = np.array(parse_json(f"[{listed[1:].decode('ascii')}]"), dtype=np.float64)
    except (UnreadableError, OverflowError, ValueError):
        return None
    return values.reshape(rows, len(before)) if len(values) == rows * len(before) else None
