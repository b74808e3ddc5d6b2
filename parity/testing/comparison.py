"""Compares two recordings, as `parity diff` does, and keeps what was found as a value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from parity.errors import ParityError, nearest
from parity.judge.diff import diff
from parity.judge.logs import read_recording
from parity.judge.verdict import Thresholds, judge
from parity.testing.text import of_comparison

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from parity.judge.diff import Delta
    from parity.judge.verdict import FirstDivergence, Verdict
    from parity.probe.values import VerdictKind


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Where two recordings first differ, and by how much. As text it is the delta table and the verdict."""

    delta: Delta
    """Every compared value, and what could not be compared."""
    judged: Verdict
    """The verdict with everything that it is based on."""

    @property
    def verdict(self) -> VerdictKind:
        """`identical`, `within`, `diverged` or `invalid`; it is equal to its text."""
        return self.judged.kind

    @property
    def reason(self) -> str:
        """One clause that can follow the verdict."""
        return self.judged.reason

    @property
    def first_divergence(self) -> FirstDivergence | None:
        """The earliest stage of the earliest step at which they differ, with both values; None if they do not."""
        return self.judged.first_divergence

    @property
    def table(self) -> pd.DataFrame:
        """A row for each step and metric, with the columns of `parity.judge.diff.COLUMNS`; equal ones too."""
        return self.delta.table

    def __str__(self) -> str:
        return of_comparison(self.delta, self.judged)


def compare(
    reference: str | os.PathLike[str],
    candidate: str | os.PathLike[str],
    *,
    metrics: Sequence[str] = (),
    tolerance: Mapping[str, float] = MappingProxyType({}),
) -> Comparison:
    """Compares two recordings step by step.

    Args:
        reference: what `parity diff` takes: a trace, or a log with a `step` column; `FILE::COLUMN` reads one column of
            a log as the loss.
        candidate: the same.
        metrics: the metrics to compare, such as `loss`; empty: all.
        tolerance: by metric, the largest accepted |candidate − reference|, in the metric's own unit; the metrics that
            it names then decide, and no others. Empty: nothing may differ, bit for bit.

    Raises:
        BadTraceError: one of them cannot be read, or lacks a metric.
        ParityError: the tolerance is negative, or names a metric that was not compared.

    """
    delta = diff(*(read_recording(os.fspath(each), metrics) for each in (reference, candidate)))
    compared = set(delta.table["metric"])
    for metric, size in tolerance.items():
        if not 0 <= size < float("inf"):
            raise ParityError(f"tolerance: {metric} is {size}; write a size of 0 or more")
        if compared and metric not in compared:
            raise ParityError(f"tolerance: {metric!r} was not compared; {nearest(metric, compared)}")
    return Comparison(delta=delta, judged=judge(delta, again=(), thresholds=Thresholds(tolerance=tolerance)))
