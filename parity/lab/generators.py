"""The states of the random generators that a trainer may draw from."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import mlx.core as mx
import numpy as np


class Generators:
    """The global generators as they are now; a generator of MLX may be computed later."""

    def __init__(self) -> None:
        numpy_state = np.random.get_state(legacy=False)
        assert isinstance(numpy_state, dict)
        self._python = _digest(repr(random.getstate()).encode())
        self._numpy = _digest(numpy_state["state"]["key"].tobytes() + repr(_rest(numpy_state)).encode())
        keys: Any = mx.random.state  # a list that also stands for itself in a compiled step
        self._mlx = list(keys)

    def states(self) -> dict[str, str]:
        """By library, a fingerprint: BLAKE2b-64, hexadecimal. Evaluates MLX's, which a compiled step returns."""
        keys = [key.tolist() for key in self._mlx]
        return {"python": self._python, "numpy": self._numpy, "mlx": _digest(repr(keys).encode())}


def _rest(state: dict[str, object]) -> list[object]:
    inner = state["state"]
    assert isinstance(inner, dict)
    return [inner["pos"], state["has_gauss"], state["gauss"]]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
