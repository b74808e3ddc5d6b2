"""What is kept of one forward and backward pass, as values of the graph that computes it.

An update may take several passes (gradient accumulation). What they leave is additive, so that the rows
of an update have one fingerprint however they were split over passes.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from parity.lab.fingerprint import fingerprint, flat_float32, leaves, structure, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_IGNORED = -100


@dataclass(frozen=True, kw_only=True)
class Passes:
    """The passes of an update so far; every field is an array of the graph."""

    count: mx.array
    """uint32 []."""
    tokens: mx.array
    """Supervised targets, uint32 []."""
    loss: mx.array
    """Nats, float32 []: of a single pass the mean over targets, of added ones the sum."""
    words: mx.array
    """How many were hashed so far, uint32 []: where the next row's are counted from."""
    batch: mx.array
    """Fingerprint, uint32 [2]."""
    gradient: mx.array
    """Float32, all trainable leaves in one; of a single pass as it is, otherwise the weighted sum."""
    structure: mx.array
    """Names, shapes and dtypes of the leaves, uint32 [2]."""

    def mean_loss(self) -> mx.array:
        """Token mean, nats, float32 []."""
        return self.loss / self.tokens.astype(mx.float32)


def one_pass(value: Sequence[Any], gradient: Any, batch: Sequence[mx.array], *, start: mx.array) -> Passes:
    """One pass.

    Args:
        value: what the loss returned: token-mean loss and supervised tokens.
        gradient: by name, what was computed with it.
        batch: token ids, offsets and lengths, maybe labels.
        start: words that the update's earlier passes have hashed, uint32 [].

    """
    named = leaves(gradient)
    rows = batch_rows(batch)
    tokens = value[1].astype(mx.uint32).reshape(())
    return Passes(
        count=mx.array(1, mx.uint32),
        tokens=tokens,
        loss=value[0].astype(mx.float32).reshape(()),
        words=mx.array(rows.size, mx.uint32),
        batch=fingerprint(rows.reshape(-1), start),
        gradient=flat_float32(named),
        structure=structure(named),
    )


def added(before: Mapping[str, mx.array] | None, now: Passes, *, weighs_tokens: bool) -> Passes:
    """The passes before and one more, whose loss and gradient are means: weighted by tokens, or alike."""
    tokens = now.tokens.astype(mx.float32)
    weighted = Passes(
        **vars(now) | {"loss": now.loss * tokens, "gradient": now.gradient * tokens if weighs_tokens else now.gradient}
    )
    if before is None:
        return weighted
    summed = {name: before[name] + value for name, value in vars(weighted).items() if name != "structure"}
    return Passes(**summed, structure=now.structure)


def mean_gradient(passes: Passes, *, weighs_tokens: bool) -> mx.array:
    """The accumulated gradient as one float32 vector."""
    return passes.gradient / (passes.tokens if weighs_tokens else passes.count).astype(mx.float32)


def with_logits(model: Any, loss: Callable[..., Any]) -> Callable[..., Any]:
    """The loss that also returns, last, what the model itself has returned; an empty array where it was not called."""

    def seen(*args: Any, **kwargs: Any) -> Any:
        calls: list[mx.array] = []

        def spy(call: Callable[..., Any], *given: Any, **more: Any) -> Any:
            out = call(*given, **more)
            calls.extend([out] if isinstance(out, mx.array) else [])
            return out

        with _called(model, spy):
            value = loss(*args, **kwargs)
        return (*value, calls[-1] if calls else mx.zeros(0))

    return seen


@contextmanager
def returning(model: Any, logits: mx.array) -> Iterator[None]:
    """For a time, the model returns these logits whatever it is called with."""
    with _called(model, lambda *_, **__: logits):
        yield


@contextmanager
def _called(model: Any, instead: Callable[..., Any]) -> Iterator[None]:
    """Calls of this very model go to `instead`, with its own `__call__` first: Python looks that up in the class."""
    kind = type(model)
    call = kind.__call__

    def switch(called: Any, *args: Any, **kwargs: Any) -> Any:
        if called is model:
            return instead(partial(call, called), *args, **kwargs)
        return call(called, *args, **kwargs)

    kind.__call__ = switch
    try:
        yield
    finally:
        kind.__call__ = call


def split_like(flat: mx.array, named: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """One float32 vector as leaves of these names, shapes and dtypes."""
    parts, start = {}, 0
    for name, leaf in named.items():
        parts[name] = flat[start : start + leaf.size].reshape(leaf.shape).astype(leaf.dtype)
        start += leaf.size
    return parts


def batch_rows(batch: Sequence[mx.array]) -> mx.array:
    """A batch as uint32 [rows, words]: token ids, padding included, and the targets that its own arrays name.

    Labels name them by what is not −100 (transformers; the lengths beside them are not read), offsets and
    lengths by an inclusive range (`mlx_lm.tuner.trainer.default_loss`), so that two ways to say the same are
    the same. Arrays that are neither are taken as they are.
    """
    ids, *rest = batch
    known = ids.ndim == 2 and mx.issubdtype(ids.dtype, mx.integer)
    named = _targets(ids, rest) if known else None
    if named is None:
        return words(batch).reshape(1, -1)
    width = mx.full((ids.shape[0], 1), ids.shape[1], mx.uint32)
    return mx.concatenate([width, ids.astype(mx.uint32), named.astype(mx.uint32)], axis=1)


def _targets(ids: mx.array, rest: Sequence[mx.array]) -> mx.array | None:
    """Int [rows, length − 1], −100 where nothing is supervised; None where the arrays are of another make."""
    if len(rest) == 2 and rest[1].shape == ids.shape:
        return rest[1][:, 1:]
    if len(rest) == 1 and rest[0].shape == (ids.shape[0], 2):
        positions = mx.arange(1, ids.shape[1])
        supervised = (positions >= rest[0][:, 0:1]) & (positions <= rest[0][:, 1:])
        return mx.where(supervised, ids[:, 1:].astype(mx.int32), _IGNORED)
    return None
