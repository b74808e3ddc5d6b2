"""What a reference that does not repeat itself grants a candidate: a floor row by row, and a test over all rows.

A row alone cannot decide: of hundreds, some exceed any floor that a few repetitions have left. So all runs, the
candidate among them, are scored alike by their most striking row, and the candidate's rank among them is an exact
permutation test (Fisher 1935): a candidate that is only another repetition is the most striking of n + 1 in one of
n + 1 cases. With near-zero values nothing becomes relative: a row is measured by what the runs differ by there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.judge.diff import Delta

LEAST = 3
"""Repetitions before anything is said to be within the noise."""


@dataclass(frozen=True, kw_only=True)
class Rank:
    """The candidate among the repetitions of its reference."""

    repetitions: int
    further: int
    """Repetitions that are as striking as the candidate, or more."""

    @property
    def p_value(self) -> float:
        """Of a candidate that is only another repetition."""
        return (1 + self.further) / (1 + self.repetitions)


def enough(confidence: float) -> int:
    """Repetitions that it takes to call a candidate different at a confidence such as 0.95: 19."""
    return math.ceil(round(1 / (1 - confidence), 9)) - 1


def floor(repetitions: Sequence[Delta], index: pd.Index[int]) -> pd.Series[float]:
    """By row of a delta table, the most that the reference was off from itself in this metric up to this step.

    Noise grows with the steps, so a later one excuses no earlier.
    """
    each = [sizes(again.table).groupby(again.table["metric"], sort=False).cummax() for again in repetitions]
    return pd.concat(each, axis=1).max(axis=1).reindex(index, fill_value=0.0)


def sizes(table: pd.DataFrame) -> pd.Series[float]:
    """|delta| of every row. A fingerprint has no size: equal is 0, unequal is beyond every tolerance."""
    fingerprint = table["reference"].map(lambda value: isinstance(value, str))
    return table["delta"].abs().where(~fingerprint, (~table["equal"]).map({True: math.inf, False: 0.0}))


def rank(delta: Delta, repetitions: Sequence[Delta]) -> Rank:
    """Scores candidate and repetitions by their most striking row, each measured by the mean of all of them there.

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
    """By sized metric, what no difference is larger than: the candidate's distance plus the floor, at its worst."""
    most = sizes(delta.table) + floor(repetitions, delta.table.index)
    sized = ~delta.table["reference"].map(lambda value: isinstance(value, str))
    worst = most[sized].groupby(delta.table["metric"][sized], sort=False).max()
    return {str(metric): float(value) for metric, value in worst.items()}
