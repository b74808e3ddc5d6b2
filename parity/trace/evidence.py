"""What two arms do differently in one step, element by element, as values; standard library only.

Made by `parity.lab.replay.contrast` from a replay of the step, shown by `parity.report`. Lists are cut to their first
few entries; the counts beside them are whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from parity.probe.values import Stage  # noqa: TC001 - pydantic reads it

SHOWN = 5
"""Entries of a list that are kept."""


@dataclass(frozen=True, kw_only=True)
class TensorDistance:
    """One tensor of both arms."""

    name: str
    reference: str
    """Dtype and shape: `bfloat16 [640]`."""
    candidate: str
    elements: int
    unequal: int
    """Elements whose values differ; of tensors of other shapes, all of the reference's."""
    max_abs: float | None
    """Greatest |candidate − reference|; None where shapes differ or no element can be compared."""
    max_relative: float | None
    """Greatest |candidate − reference| / |reference|, where the reference is not zero."""
    max_ulp: int | None
    """In numbers of the tensor's dtype; None where dtypes differ."""
    at: tuple[int, ...] | None
    """Index of the greatest absolute distance."""
    values: tuple[float, float] | None
    """There, of reference and candidate."""


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """A group of tensors by name."""

    what: str
    """`weights as loaded`, `logits`, `gradient`."""
    compared: int
    differing: int
    missing: tuple[str, ...]
    """Of the reference alone."""
    extra: tuple[str, ...]
    """Of the candidate alone."""
    dtypes_alone: int
    """How many of those that differ have other dtypes and equal values."""
    worst: tuple[TensorDistance, ...]
    """By greatest relative distance, those of other values first."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """One place of a batch."""

    row: int
    position: int
    """In the row, from 0."""
    reference: str
    """Id and text, `4 'the'`; empty where this arm has nothing there."""
    candidate: str


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Token ids and what comes with them."""

    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    """Of the token ids, reference and candidate."""
    order: tuple[int, ...]
    """Where the candidate has the same rows otherwise ordered: the reference's number of each; empty if not."""
    differing: int
    """Places with other tokens."""
    tokens: tuple[Token, ...]
    others: tuple[tuple[int, str, str], ...]
    """Row, and what the batch's other arrays say of it: offset and length, or labels."""


@dataclass(frozen=True, kw_only=True)
class Fraction:
    """A token-mean loss taken apart, by differentiating it by the logits."""

    loss: float
    tokens: int
    """As the loss returned them."""
    denominator: float | None
    """1 over the weight of a supervised token; None where they are not all of one weight."""
    numerator: float | None
    """Loss × denominator, nats."""
    supervised: int
    """Places whose logits the loss depends on."""


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """Which tokens the losses are of."""

    fractions: tuple[Fraction, Fraction]
    only_reference: int
    only_candidate: int
    other_targets: int
    """Places that both supervise, with another token."""
    places: tuple[Token, ...]
    """Of these; a side that does not supervise the place is empty."""


@dataclass(frozen=True, kw_only=True)
class Clipping:
    """What one arm did to its gradient before the update."""

    norm: float
    """L2, float32, before."""
    clipped_norm: float
    greatest: float
    """Greatest |element|, before."""
    clipped_greatest: float
    changed: int
    elements: int
    factor: float | None
    """Where every element was scaled alike, by what."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One step of two arms, compared in the order of the flow up to the first stage with a finding."""

    step: int
    stage: Stage | None
    """The first stage with a finding; None: nothing differs."""
    equal: tuple[str, ...]
    """What was compared whole before it and is equal."""
    tensors: Tensors | None = None
    rows: Rows | None = None
    supervision: Supervision | None = None
    clipping: tuple[Clipping, Clipping] | None = None
    rates: tuple[float, float] | None = None
    """Learning rates."""
    note: str = ""
    """Why less is known."""
