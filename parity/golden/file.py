"""Golden files: plain text with a header, which can be compared by eye and cannot be edited unnoticed.

    # mlx-parity golden
    # schema: 1
    # probe: current/self
    …
    # digest: 0123456789abcdef        of every other line
    group   tensors  digest
    base    56       0123456789abcdef
    …
    step  batch  tokens  loss  …

Floats are the shortest decimals that read back as the same float32; fingerprints are hexadecimal.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from parity.errors import BadGoldenError, UnreadableError
from parity.files import read_text
from parity.golden.values import PARAMETERS, SCHEMA, Golden, Group, digest
from parity.parsing import LONGEST_NUMBER
from parity.trace.values import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_FIRST = "# mlx-parity golden"
_KEYS = ("schema", "probe", "seed", "steps", "platform", "workload", "environment", "digest")
_NESTED = {"workload", "environment"}
_COLUMNS = ("step", "batch", "loss", "tokens", "grad_norm", "gradient", "clipped_norm", "clipped", "lr", "params")
_TYPES = {of.name: str(of.type).removesuffix(" | None") for of in fields(Step)}
_ABSENT = "-"
"""In place of a value that could not be seen."""
_GROUP_COLUMNS = ("group", "tensors", "digest")
_CURE = "restore it from version control, or replace it with `parity record --force`"


def golden_name(probe: str, seed: int) -> str:
    """`current-self-42.txt`."""
    return f"{re.sub(r'[^A-Za-z0-9._+-]', '-', probe)}-{seed}.txt"


def write_golden(golden: Golden) -> str:
    """The text of a golden's file."""
    head = [
        _FIRST,
        f"# schema: {SCHEMA}",
        f"# probe: {golden.probe}",
        f"# seed: {golden.seed}",
        f"# steps: {len(golden.steps)}",
        f"# platform: {golden.platform}",
        f"# workload: {golden.workload}",
        *(f"#   {name}: {value}" for name, value in golden.asked.items()),
        "# environment: when it was recorded",
        *(f"#   {name}: {value}" for name, value in golden.environment.items()),
    ]
    groups = [(name, str(group.tensors), group.digest) for name, group in golden.groups.items()]
    steps = [[_text(getattr(step, name), _TYPES[name]) for name in _COLUMNS] for step in golden.steps]
    body = [*_aligned(_GROUP_COLUMNS, groups), *_aligned(_COLUMNS, steps)]
    return "\n".join([*head, f"# digest: {digest([*head, *body])}", *body]) + "\n"


def read_golden(path: Path, *, platform: str, probe: str, seed: int) -> Golden:
    """Reads a golden that should be for this platform, probe and seed.

    Raises:
        BadGoldenError: one line with the file, what is wrong with it and what to do.

    """
    try:
        text = read_text(path)
    except UnreadableError as error:
        raise BadGoldenError(f"{path}: cannot be read ({error}); {_CURE}") from None
    try:
        golden = _parse(text)
    except BadGoldenError as error:
        raise BadGoldenError(f"{path}: {error}; {_CURE}") from None
    if golden.platform != platform:
        raise BadGoldenError(
            f"{path}: recorded on {golden.platform}, but kept under {platform}, which computes different bits; "
            f"move it to {golden.platform}/"
        )
    if (golden.probe, golden.seed) != (probe, seed):
        raise BadGoldenError(
            f"{path}: recorded for {golden.probe} at seed {golden.seed}, but named for {probe} at seed {seed}; {_CURE}"
        )
    return golden


def _parse(text: str) -> Golden:
    """Checks the structure first, so that what is missing or doubled is named; the digest then shows other edits."""
    lines = text.split("\n")
    if lines[0] != _FIRST:
        _bad(f"not a golden: its first line is not {_FIRST!r}")
    if lines.pop():
        _bad("cut short in the middle of a line")
    plain, nested = _header(lines)
    rows = [line.split() for line in lines if not line.startswith("#")]
    at = rows.index(list(_COLUMNS)) if list(_COLUMNS) in rows else len(rows)
    groups = _groups(rows[:at])
    steps = [_step(row) for row in rows[at + 1 :]]
    _check_steps([step.step for step in steps], _whole(plain, "steps"))
    golden = Golden(
        probe=plain["probe"],
        seed=_whole(plain, "seed"),
        platform=plain["platform"],
        asked=nested["workload"],
        environment=nested["environment"],
        groups=groups,
        steps=tuple(steps),
    )
    told = f"# digest: {plain['digest']}"
    found = digest(line for line in lines if line != told)
    if plain["digest"] != found or write_golden(golden) != text:
        _bad(f"edited by hand: its digest is {plain['digest']}, but that of its content is {found}")
    return golden


def _header(lines: Sequence[str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    plain: dict[str, str] = {}
    nested: dict[str, dict[str, str]] = {key: {} for key in _NESTED}
    for line in (line for line in lines[1:] if line.startswith("#")):
        name, _, value = line.removeprefix("#").strip().partition(":")
        if line.startswith("#   ") and (under := next(reversed(plain), "")) in _NESTED:
            nested[under][name] = value.strip()
        else:
            plain[name] = value.strip()
    if plain.get("schema", str(SCHEMA)) != str(SCHEMA):
        _bad(f"schema {plain['schema']}, this parity reads {SCHEMA}")
    if missing := [key for key in _KEYS if key not in plain]:
        _bad(f"its header lacks {', '.join(missing)}")
    return plain, nested


def _groups(rows: Sequence[Sequence[str]]) -> dict[str, Group]:
    found: dict[str, Group] = {}
    for row in rows[1:]:
        if len(row) != len(_GROUP_COLUMNS) or not _is_whole(row[1]):
            _bad(f"not a row of parameters: {' '.join(row)!r}")
        found[row[0]] = Group(tensors=int(row[1]), digest=row[2])
    if missing := [name for name in PARAMETERS if name not in found]:
        _bad(f"cut short: it lacks the parameters {', '.join(missing)}")
    return found


def _step(row: Sequence[str]) -> Step:
    if len(row) != len(_COLUMNS):
        _bad(f"not a row of {len(_COLUMNS)} columns: {' '.join(row)!r}")
    kinds: Mapping[str, type[int] | type[float] | type[str]] = {"int": int, "float": _float32, "str": str}  # type: ignore[dict-item]
    try:
        words = {name: word for name, word in zip(_COLUMNS, row, strict=True) if word != _ABSENT}
        values = {name: kinds[_TYPES[name]](word) for name, word in words.items()}
    except ValueError:
        _bad(f"not a row of numbers: {' '.join(row)!r}")
    if missing := {"step", "clipped_norm", "clipped", "params"} - values.keys():
        _bad(f"not a row of a step: it lacks {min(missing)}")
    return Step(**{**dict.fromkeys(_TYPES), **values, "reported": {}, "random": {}})  # type: ignore[arg-type]


def _check_steps(found: Sequence[int], asked: int) -> None:
    for step, times in Counter(found).items():
        if times > 1:
            _bad(f"step {step} occurs {times} times")
    if len(found) < asked:
        _bad(f"cut short: {len(found)} of {asked} steps")


def _whole(plain: Mapping[str, str], key: str) -> int:
    if not _is_whole(plain[key]):
        _bad(f"{key} is not a whole number: {plain[key]!r}")
    return int(plain[key])


def _is_whole(word: str) -> bool:
    return word.isdecimal() and len(word) <= LONGEST_NUMBER


def _bad(said: str) -> NoReturn:
    raise BadGoldenError(said)


def _text(value: float | str | None, kind: str) -> str:
    """The shortest decimal that reads back as the same float32; other values unchanged."""
    if value is None:
        return _ABSENT
    if kind != "float":
        return str(value)
    short = str(np.float32(value))
    return short if repr(_float32(short)) == repr(float(value)) else repr(float(value))


def _float32(word: str) -> float:
    with np.errstate(over="ignore"):  # what is too large for a float32 is infinite, as it was when it was written
        return float(np.float32(word))


def _aligned(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    table = [names, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in table]
