"""Compares the rows and tokens of two batches, and the tokens that two losses supervise.

The derivative of a token's cross entropy by its logits is weight × (softmax − one-hot): it is zero where nothing is
supervised, negative only at the target, and it gives the weight. So targets and denominator can be read from any
loss, whatever mask or reduction it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parity.trace.evidence import SHOWN, Fraction, Rows, Supervision, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

_IGNORED = -100
_ONE_WEIGHT = 1e-3
"""Relative: weights of supervised tokens that differ by less count as equal; float32 gives about 1e-5."""


@dataclass(frozen=True, kw_only=True)
class Supervised:
    """What one loss supervises."""

    loss: float
    tokens: int
    rows: Ids
    """The row of each supervised token, int [n]."""
    positions: Ids
    """The position of each target in its row, int [n]."""
    targets: Ids
    """Token ids, int [n]."""
    weights: NDArray[np.float64]
    """The weight of each token's nats in the loss, [n]."""


def supervised(loss: float, tokens: int, logits: NDArray[np.float32], slope: NDArray[np.float32]) -> Supervised:
    """Finds what a loss supervises.

    Args:
        loss: token mean, nats.
        tokens: supervised targets, as the loss counts them.
        logits: [rows, length, vocabulary]; those at a position predict the next token.
        slope: the derivative of the loss by them, float32, the same shape.

    """
    rows, places = np.nonzero(np.any(slope != 0, axis=-1))
    at, down = logits[rows, places].astype(np.float64), slope[rows, places].astype(np.float64)
    targets = down.argmin(axis=-1)
    chances = np.exp(at - at.max(axis=-1, keepdims=True))
    chances /= chances.sum(axis=-1, keepdims=True)
    each = np.arange(len(rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = -down[each, targets] / (1 - chances[each, targets])
    return Supervised(loss=loss, tokens=tokens, rows=rows, positions=places + 1, targets=targets, weights=weights)


def supervision_of(reference: Supervised, candidate: Supervised, text: Callable[[int], str]) -> Supervision | None:
    """Compares two losses; None if loss, tokens and targets are equal."""
    left, right = _by_place(reference), _by_place(candidate)
    odd = sorted(place for place in left.keys() | right.keys() if left.get(place) != right.get(place))
    same = reference.loss == candidate.loss and reference.tokens == candidate.tokens
    if same and not odd:
        return None
    return Supervision(
        fractions=(_fraction(reference), _fraction(candidate)),
        only_reference=sum(place not in right for place in left),
        only_candidate=sum(place not in left for place in right),
        other_targets=sum(place in left and place in right for place in odd),
        places=tuple(
            Token(
                row=place[0],
                position=place[1],
                reference=_named(left.get(place), text),
                candidate=_named(right.get(place), text),
            )
            for place in odd[:SHOWN]
        ),
    )


def rows_of(reference: Sequence[Ids], candidate: Sequence[Ids], text: Callable[[int], str]) -> Rows | None:
    """Compares two batches; None if they are equal."""
    (left, *more), (right, *others) = reference, candidate
    rows, width = min(left.shape[0], right.shape[0]), min(left.shape[1], right.shape[1])
    differing = np.argwhere(left[:rows, :width] != right[:rows, :width])
    said = tuple(
        (row, one, other)
        for row in range(max(left.shape[0], right.shape[0]))
        if (one := _said(more, row)) != (other := _said(others, row))
    )
    if left.shape == right.shape and not len(differing) and not said:
        return None
    return Rows(
        shapes=(left.shape, right.shape),
        order=_order(left[:, :width], right[:, :width]) if len(differing) else (),
        differing=len(differing),
        tokens=tuple(
            Token(
                row=int(row),
                position=int(position),
                reference=_named(int(left[row, position]), text),
                candidate=_named(int(right[row, position]), text),
            )
            for row, position in differing[:SHOWN]
        ),
        others=said[:SHOWN],
    )


def _fraction(of: Supervised) -> Fraction:
    known = of.weights[np.isfinite(of.weights)]
    alike = known.size > 0 and float(np.ptp(known)) <= _ONE_WEIGHT * float(known.max())
    denominator = 1 / float(np.median(known)) if alike else None
    return Fraction(
        loss=of.loss,
        tokens=of.tokens,
        denominator=denominator,
        numerator=None if denominator is None else of.loss * denominator,
        supervised=len(of.rows),
    )


def _by_place(of: Supervised) -> dict[tuple[int, int], int]:
    places = zip(of.rows.tolist(), of.positions.tolist(), strict=True)
    return dict(zip(places, of.targets.tolist(), strict=True))


def _named(token: int | None, text: Callable[[int], str]) -> str:
    return "" if token is None else f"{token} {text(token)!r}"


def _said(others: Sequence[Ids], row: int) -> str:
    """The part of a batch's other arrays that belongs to a row, in short."""
    return "; ".join(_in_short(array[row].tolist()) for array in others if row < array.shape[0])


def _in_short(values: object) -> str:
    """Offset and length unchanged; of labels, the positions that they supervise."""
    if not isinstance(values, list) or len(values) <= 2:
        return str(values)
    places = [place for place, label in enumerate(values) if label != _IGNORED]
    starts = [place for place in places if place - 1 not in places]
    ends = [place for place in places if place + 1 not in places]
    ranges = [f"{start}–{end}" if start != end else str(start) for start, end in zip(starts, ends, strict=True)]
    return f"labels at {', '.join(ranges) or 'no position'}"


def _order(left: Ids, right: Ids) -> tuple[int, ...]:
    """If the rows on the right are those on the left in a different order: the number of each; empty if not."""
    waiting = {number: tuple(row) for number, row in enumerate(left.tolist())}
    found = []
    for row in map(tuple, right.tolist()):
        number = next((number for number, other in waiting.items() if other == row), None)
        if number is None:
            return ()
        del waiting[number]
        found.append(number)
    return tuple(found) if not waiting else ()
