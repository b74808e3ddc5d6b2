"""What two arms do differently in one step, element by element, as values; standard library only.

`parity.lab.replay.contrast` makes them from a replay of the step, and `parity.report` shows them. Lists are cut to
their first few entries; counts are of all entries.
"""

from __future__ import annotations

from dataclasses import dataclass

from parity.metrics import Stage  # noqa: TC001 (read from the annotation, when evidence is read back)

SHOWN = 5
"""How many entries of a list are kept."""


@dataclass(frozen=True, kw_only=True)
class TensorDistance:
    """One tensor, compared between the arms."""

    name: str
    reference: str
    """Dtype and shape: `bfloat16 [640]`."""
    candidate: str
    elements: int
    unequal: int
    """Elements whose values differ; if the shapes differ, all elements of the reference."""
    max_abs: float | None
    """Greatest |candidate − reference|; None if shapes differ or no element can be compared."""
    max_relative: float | None
    """Greatest |candidate − reference| / |reference|, where the reference is not zero."""
    max_ulp: int | None
    """Greatest distance in numbers of the tensor's dtype; None if dtypes differ."""
    at: tuple[int, ...] | None
    """Index of the greatest absolute distance."""
    values: tuple[float, float] | None
    """The values of reference and candidate at that index."""


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """A group of tensors by name."""

    what: str
    """`weights as loaded`, `logits`, `gradient`."""
    compared: int
    differing: int
    missing: tuple[str, ...]
    """Names that only the reference has."""
    extra: tuple[str, ...]
    """Names that only the candidate has."""
    dtypes_alone: int
    """How many of the tensors that differ do so only in dtype."""
    worst: tuple[TensorDistance, ...]
    """Greatest relative distance first; tensors that differ only in dtype come last."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """One position in a batch."""

    row: int
    position: int
    """In the row, from 0."""
    reference: str
    """Id and text, `4 'the'`; empty if this arm has nothing there."""
    candidate: str


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Token ids and what comes with them."""

    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    """Shapes of the token ids of reference and candidate."""
    order: tuple[int, ...]
    """If the candidate has the same rows in a different order: the reference's number of each; empty if not."""
    differing: int
    """Positions with different tokens."""
    tokens: tuple[Token, ...]
    others: tuple[tuple[int, str, str], ...]
    """A row, and its offset and length, or its labels, in reference and candidate."""


@dataclass(frozen=True, kw_only=True)
class Fraction:
    """Numerator and denominator of a token-mean loss, found by differentiating it by the logits."""

    loss: float
    tokens: int
    """The token count that the loss returned."""
    denominator: float | None
    """1 / the weight of a supervised token; None if their weights differ."""
    numerator: float | None
    """Loss × denominator, nats."""
    supervised: int
    """Positions whose logits the loss depends on."""


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """Which tokens each of the two losses supervises."""

    fractions: tuple[Fraction, Fraction]
    only_reference: int
    only_candidate: int
    other_targets: int
    """Positions that both supervise, with different targets."""
    places: tuple[Token, ...]
    """Such positions; empty text for an arm that does not supervise the position."""


@dataclass(frozen=True, kw_only=True)
class Clipping:
    """What one arm did to its gradient before the update."""

    norm: float
    """L2, float32, before clipping."""
    clipped_norm: float
    greatest: float
    """Greatest |element|, before clipping."""
    clipped_greatest: float
    changed: int
    elements: int
    factor: float | None
    """The factor if every element was scaled by the same one; None if not."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One step of two arms, compared in the order of the flow up to the first stage with a finding."""

    step: int
    stage: Stage | None
    """The first stage with a finding; None: nothing differs."""
    equal: tuple[str, ...]
    """What comes before that stage, was compared completely and is equal."""
    tensors: Tensors | None = None
    rows: Rows | None = None
    supervision: Supervision | None = None
    clipping: tuple[Clipping, Clipping] | None = None
    rates: tuple[float, float] | None = None
    """Learning rates."""
    note: str = ""
    """Why evidence is missing, if some is."""
