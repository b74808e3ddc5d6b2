"""The data of the drawn curves: what both arms recorded of a numeric metric, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.judge.columns import columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.judge.diff import Recording

DRAWN = ("loss", "grad_norm")
"""The metrics that are drawn."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One metric of both arms, in its own unit; the three tuples are equally long."""

    steps: tuple[int, ...]
    """1-based and increasing; for a long run, a selection of its steps."""
    reference: tuple[float | None, ...]
    """None at a step that this arm does not have; values can be NaN or infinite."""
    candidate: tuple[float | None, ...]

    @property
    def gaps(self) -> tuple[float | None, ...]:
        """|candidate − reference|; None if an arm does not have the step, NaN if an arm has a NaN there."""
        return tuple(
            None if left is None or right is None else 0.0 if left == right else abs(right - left)
            for left, right in zip(self.reference, self.candidate, strict=True)
        )


def curves(reference: Recording, candidate: Recording) -> dict[str, Curve]:
    """The curves of two recordings, by metric; if a step is repeated, its last value counts."""
    return {name: _curve(_by_step(reference, name), _by_step(candidate, name)) for name in DRAWN}


def thinned(curve: Curve, most: int) -> Curve:
    """At most `most` points of a curve, which look the same when drawn.

    Keeps both ends, the first step at which the arms diverge, and from each stretch in between the greatest gap and the
    candidate's lowest and highest value. Taking every n-th step instead would lose outliers.

    Raises:
        ValueError: `most` is less than 6.

    """
    total = len(curve.steps)
    if most < 6:
        raise ValueError(f"a curve needs its ends, its first gap and one stretch: at least 6 points, not {most}")
    if total <= most:
        return curve
    gaps = curve.gaps
    kept = {0, total - 1, next((index for index, gap in enumerate(gaps) if gap != 0), 0)}
    stretches = (most - 3) // 3
    for number in range(stretches):
        stretch = range(number * total // stretches, (number + 1) * total // stretches)
        kept.add(max(stretch, key=lambda index: _size(gaps[index])))
        kept.add(max(stretch, key=lambda index: _size(curve.candidate[index])))
        kept.add(min(stretch, key=lambda index: _size(curve.candidate[index])))
    chosen = sorted(kept)
    return Curve(
        steps=_of(curve.steps, chosen), reference=_of(curve.reference, chosen), candidate=_of(curve.candidate, chosen)
    )


def _by_step(recording: Recording, metric: str) -> dict[int, float]:
    rows = columns(recording.rows)
    if (column := rows.of.get(metric)) is None or column.is_text:
        return {}
    given = column.given
    return dict(zip(rows.steps[given].tolist(), column.values[given].astype(float).tolist(), strict=True))


def _curve(reference: Mapping[int, float], candidate: Mapping[int, float]) -> Curve:
    steps = tuple(sorted(reference.keys() | candidate.keys()))
    return Curve(steps=steps, reference=tuple(map(reference.get, steps)), candidate=tuple(map(candidate.get, steps)))


def _size(value: float | None) -> float:
    """A number to rank by: None and NaN rank highest."""
    return math.inf if value is None or math.isnan(value) else value


def _of(values: Sequence[Any], chosen: Sequence[int]) -> tuple[Any, ...]:
    return tuple(values[index] for index in chosen)
