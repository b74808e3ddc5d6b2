"""What is recorded of one update: with its passes, a row of a trace, as one vector that is read when it is computed."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np

from parity.lab.fingerprint import bits, fingerprint, flat_float32, hexadecimal, leaves, norm
from parity.lab.model import counting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.lab.passes import Pass, Passes

Like = tuple[tuple[str, mx.Dtype, tuple[int, ...]], ...]
"""Leaves by name, with dtype and shape."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """One call of an optimizer; every field is an array of the graph that computes it."""

    clipped_norm: mx.array
    """Of the gradient that the optimizer received, float32 []."""
    clipped: mx.array
    """Fingerprint of it, uint32 [2]."""
    params: mx.array
    """Fingerprint of the parameters that it returned, uint32 [2]."""
    lr: mx.array | None
    """The rate that it used, float32 []; None if it has none."""
    counter: mx.array | None
    """Its own count of its updates, uint32 []; None if it does not count."""
    whole: Mapping[str, mx.array] = field(default_factory=dict)
    """For a replay: `received` and `params`, float32 [n]."""

    def arrays(self) -> dict[str, mx.array]:
        """Those that there are, by field."""
        return named(self)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What the words of a row are; the same at each call of a compiled step."""

    names: tuple[str, ...]
    passes: int
    """How many the update took."""
    counts_in_floats: bool
    """Whether the trainer counts its tokens in floats."""


_FLOATS = ("loss", "grad_norm", "clipped_norm", "lr")
_PRINTS = ("batch", "gradient", "clipped", "params", "found")


def named(record: Pass | Update) -> dict[str, mx.array]:
    """The arrays of a record that there are, by field."""
    values = {of.name: getattr(record, of.name) for of in fields(record)}
    return {name: value for name, value in values.items() if isinstance(value, mx.array)}


def like(tree: Mapping[str, mx.array]) -> Like:
    """What a flat vector of these leaves can be split by."""
    return tuple((name, leaf.dtype, leaf.shape) for name, leaf in tree.items())


def split_like(flat: mx.array, of: Like) -> dict[str, mx.array]:
    """One float32 vector as leaves of these names, dtypes and shapes."""
    parts, start = {}, 0
    for name, dtype, shape in of:
        size = int(np.prod(shape))
        parts[name] = flat[start : start + size].reshape(shape).astype(dtype)
        start += size
    return parts


def one_update(optimizer: Any, gradients: Any, updated: Any, passes: Sequence[Pass], *, whole: bool = False) -> Update:
    """Records one update.

    Args:
        optimizer: after the update.
        gradients: what it received, a tree.
        updated: the parameters that it returned, a tree.
        passes: those of the update, as far as they are in the same graph.
        whole: whether a replay keeps the tensors.

    """
    received, params = leaves(gradients), leaves(updated)
    flat_params = flat_float32(params)
    flat = passes[0].gradient if len(passes) == 1 and _same(received, passes[0].leaves) else flat_float32(received)
    state = counting(optimizer).state
    rate, count = state.get("learning_rate"), state.get("step")
    return Update(
        clipped_norm=norm(flat),
        clipped=fingerprint(bits(received, flat)),
        params=fingerprint(bits(params, flat_params)),
        lr=rate.astype(mx.float32).reshape(()) if isinstance(rate, mx.array) else None,
        counter=count.astype(mx.uint32).reshape(()) if isinstance(count, mx.array) else None,
        whole={"received": flat, "params": flat_params} if whole else {},
    )


def row(passes: Passes | None, update: Update) -> tuple[Columns, mx.array]:
    """One update and its passes as one vector, uint32 [words]."""
    values: dict[str, mx.array | None] = dict(update.arrays())
    if passes is not None:
        values |= {
            "loss": passes.loss,
            "tokens": passes.tokens,
            "batch": passes.batch,
            "grad_norm": norm(passes.gradient),
            "gradient": fingerprint(mx.concatenate([passes.structure, passes.gradient.view(mx.uint32)])),
            "found": passes.found,
        }
    there = {name: value for name, value in values.items() if value is not None}
    in_floats = "tokens" in there and there["tokens"].dtype == mx.float32
    words = mx.concatenate([value.reshape(-1).view(mx.uint32) for value in there.values()])
    columns = Columns(names=tuple(there), passes=0 if passes is None else passes.count, counts_in_floats=in_floats)
    return columns, words


def read(columns: Columns, words: mx.array) -> dict[str, Any]:
    """The values of a row by the names of `Step`."""
    told = np.array(words)
    found: dict[str, Any] = {}
    at = 0
    for name in columns.names:
        if name in _PRINTS:
            found[name] = hexadecimal(told[at : at + 2].tolist())
        elif name in _FLOATS or (name == "tokens" and columns.counts_in_floats):
            found[name] = told[at : at + 1].view(np.float32).tolist()[0]
        else:
            found[name] = told[at].item()
        at += 2 if name in _PRINTS else 1
    tokens = found.get("tokens")
    if isinstance(tokens, float):
        found |= {"tokens": int(tokens) if tokens.is_integer() else None}
    return found


def _same(received: Mapping[str, mx.array], gradient: Mapping[str, mx.array]) -> bool:
    """Whether these are the very arrays, which then need no second look."""
    return received.keys() == gradient.keys() and all(received[name] is gradient[name] for name in gradient)
