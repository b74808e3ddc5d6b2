"""How far a candidate may differ from a reference that does not repeat itself: a floor per row, a test over all rows.

One row alone cannot decide: of hundreds, some exceed any floor that a few repetitions can measure. So candidate and
repetitions are each scored by their most extreme row, and the candidate's rank among the scores is an exact permutation
test (Fisher 1935): a candidate that is just one more repetition has the highest of n + 1 scores in one of n + 1 cases.
Values near zero do no harm: a row is scaled by how far the runs differ there, not by its value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from parity.judge.diff import Delta

LEAST = 3
"""Fewest repetitions with which anything is called within the noise."""


@dataclass(frozen=True, kw_only=True)
class Rank:
    """The candidate's rank among the repetitions of its reference."""

    repetitions: int
    further: int
    """Repetitions whose score is at least the candidate's."""

    @property
    def p_value(self) -> float:
        """Under the hypothesis that the candidate is just one more repetition."""
        return (1 + self.further) / (1 + self.repetitions)


def enough(confidence: float) -> int:
    """Repetitions needed to call a candidate different at a confidence; for 0.95 they are 19."""
    return math.ceil(round(1 / (1 - confidence), 9)) - 1


def floor(repetitions: Sequence[Delta], index: pd.Index[int]) -> pd.Series[float]:
    """By row of a delta table, the most that the reference differed from itself in this metric up to this step.

    Noise grows with the steps, so the noise of a later step does not excuse a difference at an earlier one.
    """
    import pandas as pd  # noqa: PLC0415 - it takes half a second to import, and a stored result needs none

    each = [
        sizes(again.table).groupby(again.table["metric"], sort=False, observed=True).cummax() for again in repetitions
    ]
    return pd.concat(each, axis=1).max(axis=1).reindex(index, fill_value=0.0)


def sizes(table: pd.DataFrame) -> pd.Series[float]:
    """|delta| of every row; a fingerprint has no size, and counts as 0 if equal and as infinite if not."""
    fingerprint = _fingerprints(table)
    if not fingerprint.any():
        return table["delta"].abs()
    return table["delta"].abs().where(~fingerprint, (~table["equal"]).map({True: math.inf, False: 0.0}))


def rank(delta: Delta, repetitions: Sequence[Delta]) -> Rank:
    """Scores candidate and repetitions by their most extreme row; each row is scaled by its mean over all of them.

    Args:
        delta: candidate − reference.
        repetitions: the reference's repetitions − the reference, with the same rows.

    """
    runs = np.stack([sizes(run.table).replace(math.inf, 1.0).to_numpy() for run in (delta, *repetitions)])
    means = runs.mean(axis=0)
    moved = means > 0
    scores = (runs[:, moved] / means[moved]).max(axis=1)
    return Rank(repetitions=len(repetitions), further=int((scores[1:] >= scores[0]).sum()))


def bounds(delta: Delta, repetitions: Sequence[Delta]) -> dict[str, float]:
    """By sized metric, an upper bound on every difference: the candidate's distance plus the floor, at its worst."""
    most = sizes(delta.table) + floor(repetitions, delta.table.index)
    sized = ~_fingerprints(delta.table)
    worst = most[sized].groupby(delta.table["metric"][sized], sort=False, observed=True).max()
    return {str(metric): float(value) for metric, value in worst.items()}


def _fingerprints(table: pd.DataFrame) -> pd.Series[bool]:
    """Which rows are text; a table of nothing but floats is not looked through."""
    if table["reference"].dtype == np.float64:
        return table["equal"] & ~table["equal"]
    return table["reference"].map(lambda value: isinstance(value, str)).astype(bool)
