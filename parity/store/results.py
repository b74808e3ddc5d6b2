"""Reads `results.json`, which anybody may have written: what this tool would not have written is refused.

Everything that follows from cells and expectations is derived again; then the result is written again and must equal
what was read. So a verdict, a sentence or a status that does not follow from its cells is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from parity.errors import BadResultError, ParityError, UnreadableError, shortened
from parity.jsonfloat import encode
from parity.parsing import parse_json
from parity.probe.schema import complaint
from parity.report.json import RESULT_SCHEMA, result_tree
from parity.store.consistency import contradictions
from parity.store.decode import decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.canaries.canary import Canary
    from parity.gate.result import RunResult

_NOT_OURS = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    StopIteration,
    IndexError,
    RecursionError,
    ParityError,
)
"""What can be raised when any text is read as the results of a run."""


def read_result(text: str, find: Callable[[str], Canary]) -> RunResult:
    """Reads what `parity.report.json.render_json` wrote.

    Args:
        text: the text of `results.json`.
        find: returns a canary by name; raises BadProbeError if there is none.

    Raises:
        BadResultError: not JSON, of a different schema, incomplete, or contradictory; the message says where.

    """
    tree = _parsed(text)
    schema = tree.get("schema")
    if schema != RESULT_SCHEMA or isinstance(schema, bool):
        raise BadResultError(f"results of schema {shortened(schema)}, this parity reads {RESULT_SCHEMA}")
    try:
        result = decoded(tree, find)
        # Also refuses what cannot be written: some depths, and some strings that JSON can spell.
        rewritten = json.loads(json.dumps(encode(result_tree(result)), ensure_ascii=False).encode())
        denied = next(contradictions(result), "")
    except ValidationError as error:
        raise BadResultError(f"not the results of a run: {error.title} {complaint(error)}") from None
    except _NOT_OURS as error:
        raise BadResultError(f"not the results of a run: {type(error).__name__}: {shortened(error)}") from None
    if denied:
        raise BadResultError(f"results that contradict themselves: {shortened(denied)}")
    if place := _first_difference(tree, rewritten):
        raise BadResultError(f"results that do not follow from their cells: {shortened(place)}")
    return result


def _parsed(text: str) -> dict[str, Any]:
    try:
        tree = parse_json(text, ours=True)
    except UnreadableError as error:
        raise BadResultError(f"not JSON ({error})") from None
    if not isinstance(tree, dict):
        raise BadResultError(f"not the results of a run: {type(tree).__name__}, not an object")
    return tree


def _first_difference(read: Any, written: Any, where: str = "") -> str:
    """Where two JSON trees first differ, and how; empty if they do not."""
    if isinstance(read, dict) and isinstance(written, dict):
        for name in [*written, *(name for name in read if name not in written)]:
            at = f"{where}.{name}" if where else name
            if name not in read or name not in written:
                return f"{at} is {'missing' if name in written else 'unknown'}"
            if found := _first_difference(read[name], written[name], at):
                return found
        return ""
    if isinstance(read, list) and isinstance(written, list) and len(read) == len(written):
        pairs = enumerate(zip(read, written, strict=True))
        return next((at for number, pair in pairs if (at := _first_difference(*pair, f"{where}[{number}]"))), "")
    same = read == written and isinstance(read, bool) is isinstance(written, bool)
    return "" if same else f"{where} is {shortened(read)}, but its cells say {shortened(written)}"
