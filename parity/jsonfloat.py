"""Floats in JSON: finite ones round-trip to the bit, NaN and infinities are explicit strings, never `null`.

Text is text that can be written: half a character (a lone surrogate) is spelt out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(value: Any) -> Any:
    """A tree that `json.dumps(..., allow_nan=False)` takes."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {encode(name): encode(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def decode(value: Any) -> Any:
    """The float that one of the explicit strings stands for; any other value unchanged."""
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value


def dumps(tree: Any, *, indent: int | None = None) -> str:
    """`json.dumps` of an encoded tree."""
    return json.dumps(encode(tree), allow_nan=False, indent=indent)
