"""What is recorded of one forward and backward pass, as values of the graph that computes it.

An update may take several passes (gradient accumulation). Taken together, the rows of an update have the same
fingerprint however they were split over passes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from parity.lab.fingerprint import fingerprint, flat_float32, structure, words
from parity.lab.losses import loss_of, tokens_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IGNORED = -100


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One forward and backward pass; every field is an array of the graph that computes it."""

    loss: mx.array
    """Nats, float32 []: the mean over targets, as the loss function returned it."""
    tokens: mx.array | None
    """Supervised targets, uint32 [], or float32 [] where the trainer counts in floats; None if it does not say."""
    batch: mx.array | None
    """Of the arrays that the loss function was given, uint32 [words]; None if it was given none."""
    gradient: mx.array
    """Float32, all trainable leaves in one vector."""
    structure: mx.array
    """Names, shapes and dtypes of the leaves, uint32 [2]."""
    found: mx.array | None
    """Fingerprint of the trainable parameters as the pass began, uint32 [2]; None if nobody looked."""
    whole: Mapping[str, mx.array] = field(default_factory=dict)
    """For a replay: what the loss function was given and computed."""
    leaves: Mapping[str, mx.array] = field(default_factory=dict)
    """The gradient by name; empty if it is of a graph that is not at hand."""


@dataclass(frozen=True, kw_only=True)
class Passes:
    """The passes of one update together."""

    count: int
    loss: mx.array
    """Nats, float32 []: token mean, or the mean over passes where the tokens are not known."""
    tokens: mx.array | None
    """Of all passes, uint32 [] or float32 []."""
    batch: mx.array | None
    """Fingerprint, uint32 [2]: the same however the rows were split over passes."""
    gradient: mx.array
    """Float32, the mean gradient in one vector."""
    structure: mx.array
    """uint32 [2]."""
    found: mx.array | None
    """uint32 [2], as the first pass began."""


def one_pass(
    value: Any,
    gradient: Mapping[str, mx.array],
    batch: Sequence[mx.array],
    *,
    found: mx.array | None = None,
    whole: Mapping[str, mx.array] | None = None,
) -> Pass:
    """Records one pass.

    Args:
        value: what the loss function returned.
        gradient: the gradient that was computed with it, by name.
        batch: the arrays that the loss function was given: token ids, offsets and lengths, possibly labels, or others.
        found: fingerprint of the trainable parameters as the pass began, uint32 [2].
        whole: what a replay keeps of it.

    Raises:
        ValueError: the loss function returned no array of size 1.

    """
    tokens = tokens_of(value)
    if tokens is not None:
        counted = mx.uint32 if mx.issubdtype(tokens.dtype, mx.integer) else mx.float32
        tokens = tokens.astype(counted).reshape(())
    return Pass(
        loss=loss_of(value).astype(mx.float32).reshape(()),
        tokens=tokens,
        batch=batch_rows(batch).reshape(-1) if batch else None,
        gradient=flat_float32(gradient),
        structure=structure(gradient),
        found=found,
        whole=whole or {},
        leaves=gradient,
    )


def together(passes: Sequence[Pass], *, weighs_tokens: bool) -> Passes:
    """The passes of an update as one.

    Args:
        passes: at least one, in order.
        weighs_tokens: whether the trainer's mean gradient weighs tokens; if not, or if they are not known, passes.

    """
    first, count = passes[0], mx.array(len(passes), mx.uint32)
    counted = [each.tokens for each in passes if each.tokens is not None]
    tokens = _sum(counted) if len(counted) == len(passes) else None
    loss, gradient = first.loss, first.gradient
    if len(passes) > 1:
        weights = [each.astype(mx.float32) for each in counted] if tokens is not None else None
        over = (count if tokens is None else tokens).astype(mx.float32)
        loss = _weighted([each.loss for each in passes], weights) / over
        by_tokens = weighs_tokens and tokens is not None
        summed = _weighted([each.gradient for each in passes], weights if by_tokens else None)
        gradient = summed / (over if by_tokens else count.astype(mx.float32))
    batches = [each.batch for each in passes if each.batch is not None]
    return Passes(
        count=len(passes),
        loss=loss,
        tokens=tokens,
        batch=fingerprint(mx.concatenate(batches)) if len(batches) == len(passes) else None,
        gradient=gradient,
        structure=passes[-1].structure,
        found=first.found,
    )


def _weighted(values: Sequence[mx.array], weights: Sequence[mx.array] | None) -> mx.array:
    return _sum(values if weights is None else [value * weight for value, weight in zip(values, weights, strict=True)])


def _sum(values: Sequence[mx.array]) -> mx.array:
    return reduce(add, values)


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
