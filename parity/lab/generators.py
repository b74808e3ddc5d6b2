"""The states of the random generators that a trainer may draw from."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import mlx.core as mx
import numpy as np


def states() -> dict[str, str]:
    """By library, a fingerprint of its global generator: BLAKE2b-64, hexadecimal.

    `mlx` evaluates the state, which a compiled step returns with its other outputs.
    """
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    return {
        "python": _digest(repr(random.getstate()).encode()),
        "numpy": _digest(numpy_state["state"]["key"].tobytes() + repr(_rest(numpy_state)).encode()),
        "mlx": _digest(repr(_mlx_keys()).encode()),
    }


def _mlx_keys() -> list[object]:
    keys: Any = mx.random.state  # a list that also stands for itself in a compiled step
    return [key.tolist() for key in keys]


def _rest(state: dict[str, object]) -> list[object]:
    inner = state["state"]
    assert isinstance(inner, dict)
    return [inner["pos"], state["has_gauss"], state["gauss"]]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
