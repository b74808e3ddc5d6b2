"""What is recorded of one forward and backward pass, as values of the graph that computes it.

An update may take several passes (gradient accumulation). Their records add up, so that the rows of an
update have the same fingerprint however they were split over passes.
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
    """Nats, float32 []: for a single pass the mean over targets, for added passes the sum."""
    words: mx.array
    """How many words were hashed so far, uint32 []: the position of the next pass's first word."""
    batch: mx.array
    """Fingerprint, uint32 [2]."""
    gradient: mx.array
    """Float32, all trainable leaves in one vector; for added passes, the weighted sum."""
    structure: mx.array
    """Names, shapes and dtypes of the leaves, uint32 [2]."""

    def mean_loss(self) -> mx.array:
        """Token mean, nats, float32 []."""
        return self.loss / self.tokens.astype(mx.float32)


def one_pass(value: Sequence[Any], gradient: Any, batch: Sequence[mx.array], *, start: mx.array) -> Passes:
    """Records one pass.

    Args:
        value: what the loss returned: token-mean loss and supervised tokens.
        gradient: the gradient that was computed with it, a tree.
        batch: token ids, offsets and lengths, possibly labels.
        start: how many words the update's earlier passes have hashed, uint32 [].

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
    """Adds a pass to those before. Its loss and gradient are means; `weighs_tokens` weights the gradient by tokens."""
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
    """The loss, extended to return the model's output last; that is an empty array if the model was not called."""

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
    """Within the context, the model returns these logits whatever it is called with."""
    with _called(model, lambda *_, **__: logits):
        yield


@contextmanager
def _called(model: Any, instead: Callable[..., Any]) -> Iterator[None]:
    """Sends calls of this one model to `instead`, with the original call as first argument.

    Patches the class, since Python looks `__call__` up there.
    """
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

    Labels name the targets by what is not −100 (transformers; lengths that come with labels are not read), offsets
    and lengths by an inclusive range (`mlx_lm.tuner.trainer.default_loss`). So both ways to name the same targets
    give the same words. Other arrays are taken unchanged.
    """
    ids, *rest = batch
    known = ids.ndim == 2 and mx.issubdtype(ids.dtype, mx.integer)
    named = _targets(ids, rest) if known else None
    if named is None:
        return words(batch).reshape(1, -1)
    width = mx.full((ids.shape[0], 1), ids.shape[1], mx.uint32)
    return mx.concatenate([width, ids.astype(mx.uint32), named.astype(mx.uint32)], axis=1)


def _targets(ids: mx.array, rest: Sequence[mx.array]) -> mx.array | None:
    """Int [rows, length − 1], −100 where nothing is supervised; None if the arrays have neither of these forms."""
    if len(rest) == 2 and rest[1].shape == ids.shape:
        return rest[1][:, 1:]
    if len(rest) == 1 and rest[0].shape == (ids.shape[0], 2):
        positions = mx.arange(1, ids.shape[1])
        supervised = (positions >= rest[0][:, 0:1]) & (positions <= rest[0][:, 1:])
        return mx.where(supervised, ids[:, 1:].astype(mx.int32), _IGNORED)
    return None
