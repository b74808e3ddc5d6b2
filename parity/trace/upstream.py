"""Fingerprints of the mlx-lm functions that this harness relies on: a release that changes one must be reviewed.

    make upstream

The provider `mlx-lm` is a loop of our own around `default_loss` and `iterate_batches`, and claims to do what `train`
does. `upstream.json`, next to this file, has the fingerprint of each function in the releases that were reviewed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
import tokenize
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FUNCTIONS = ("default_loss", "iterate_batches", "train")
_FILE = Path("tuner") / "trainer.py"
_TABLE = Path(__file__).with_suffix(".json")
_FSTRING_START = getattr(tokenize, "FSTRING_START", -1)
_FSTRING_END = getattr(tokenize, "FSTRING_END", -1)
_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_BLOCKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: "{", tokenize.DEDENT: "}"}


def table() -> dict[str, dict[str, str]]:
    """By release and function, the fingerprint that was reviewed."""
    read: dict[str, dict[str, str]] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return read


def installed() -> dict[str, str]:
    """The fingerprints of the installed release, which is read and not imported; empty if there is none."""
    found = find_spec("mlx_lm")
    folders = [] if found is None else found.submodule_search_locations or []
    for file in (Path(folder) / _FILE for folder in folders):
        if file.is_file():
            source = file.read_text(encoding="utf-8")
            return {name: fingerprint(source, name) for name in FUNCTIONS}
    return {}


def fingerprint(source: str, function: str) -> str:
    """BLAKE2b-64 of a function's tokens, hexadecimal, without comments, docstring and layout.

    Tokens and not `ast.unparse`, whose text depends on the Python that runs it.

    Returns:
        Empty text if the module has no such function.

    """
    tree = ast.parse(source)
    node = next((each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == function), None)
    if node is None:
        return ""
    lines = source.splitlines(keepends=True)
    if ast.get_docstring(node) is not None:
        told = node.body[0]
        lines[told.lineno - 1 : told.end_lineno] = ["\n"] * ((told.end_lineno or told.lineno) - told.lineno + 1)
    words = "\0".join(_words(lines[node.lineno - 1 : node.end_lineno]))
    return hashlib.blake2b(words.encode(), digest_size=8).hexdigest()


def doubts(provenance: Mapping[str, Any], known: Mapping[str, Mapping[str, str]] | None = None) -> list[str]:
    """The functions of the installed release that nobody has reviewed, one line each."""
    looked_at = table() if known is None else known
    release = provenance["versions"].get("mlx-lm", "")
    last = max(looked_at, key=_by_number, default="none")
    said = []
    for name, found in provenance.get("upstream", {}).items():
        if release in looked_at:
            if looked_at[release].get(name) != found:
                said.append(f"mlx-lm {release}: {name} differs from that release's; is it a patched copy?")
        elif not found:
            said.append(f"mlx-lm {release}: there is no {name} in mlx_lm/{_FILE}; it was last reviewed in {last}")
        elif all(functions.get(name) != found for functions in looked_at.values()):
            said.append(f"mlx-lm {release}: {name} differs from the one that was last reviewed ({last})")
    return said


def _words(lines: Sequence[str]) -> Iterator[str]:
    """The tokens; an f-string is one, as it was before Python 3.12."""
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(iter(lines).__next__):
        if token.type == _FSTRING_START:
            start = start if depth else token.start
            depth += 1
        elif token.type == _FSTRING_END:
            depth -= 1
            if not depth:
                yield _between(lines, start, token.end)
        elif not depth and token.type not in _LAYOUT:
            yield _BLOCKS.get(token.type, token.string)


def _between(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])


def _by_number(release: str) -> list[int]:
    return [int(part) for part in release.split(".") if part.isdecimal()]


def _add() -> str:
    """Adds the installed release to the table, once somebody has reviewed it."""
    found = installed()
    try:
        release = version("mlx-lm")
    except PackageNotFoundError:
        return "mlx-lm is not installed; nothing was written"
    if not found:
        return f"mlx-lm {release} has no mlx_lm/{_FILE}; nothing was written"
    lines = doubts({"versions": {"mlx-lm": release}, "upstream": found})
    releases = table() | {release: found}
    ordered = {each: releases[each] for each in sorted(releases, key=_by_number)}
    _TABLE.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    return "\n".join([*lines, f"{_TABLE.name}: mlx-lm {release} is recorded as reviewed"])


if __name__ == "__main__":
    sys.stdout.write(_add() + "\n")
