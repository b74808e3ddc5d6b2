"""Compares two recordings, as `parity diff` does, and keeps what was found as a value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from parity.errors import ParityError, nearest
from parity.judge import comparison as judge
from parity.judge.recorded import read_recorded
from parity.judge.result import gravest
from parity.testing.text import of_comparison

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from parity.judge.verdict import FirstDivergence
    from parity.probe.values import VerdictKind


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Where two recordings first differ, and by how much. As text it is the delta table and the verdict."""

    found: judge.Comparison
    """Everything that was found; of several ranks, of the first with the gravest verdict."""

    @property
    def verdict(self) -> VerdictKind:
        """`identical`, `within`, `diverged` or `invalid`; it is equal to its text."""
        return self.found.verdict.kind

    @property
    def reason(self) -> str:
        """One clause that can follow the verdict."""
        return self.found.verdict.reason

    @property
    def first_divergence(self) -> FirstDivergence | None:
        """The earliest stage of the earliest step at which they differ, with both values; None if they do not."""
        return self.found.verdict.first_divergence

    @property
    def table(self) -> pd.DataFrame:
        """A row for each step and metric, with the columns of `parity.judge.diff.COLUMNS`; equal ones too."""
        return self.found.delta.table

    def __str__(self) -> str:
        return of_comparison(self.found)


def compare(
    reference: str | os.PathLike[str],
    candidate: str | os.PathLike[str],
    *,
    metrics: Sequence[str] = (),
    tolerance: Mapping[str, float] = MappingProxyType({}),
) -> Comparison:
    """Compares two recordings step by step.

    Args:
        reference: what `parity diff` takes: a trace, a folder of them, or a log; `FILE::COLUMN` reads one column of a
            table as the loss.
        candidate: the same.
        metrics: the metrics to compare, such as `loss`; empty: all.
        tolerance: by metric, the largest accepted |candidate − reference|, in the metric's own unit; the metrics that
            it names then decide, and no others. Empty: nothing may differ, bit for bit.

    Raises:
        BadTraceError: one of them cannot be read, or lacks a metric.
        ParityError: the tolerance is negative, or names a metric that was not compared.

    """
    for metric, size in tolerance.items():
        if not 0 <= size < float("inf"):
            raise ParityError(f"tolerance: {metric} is {size}; write a size of 0 or more")
    sides = (read_recorded(os.fspath(each), metrics) for each in (reference, candidate))
    found = judge.compare(*sides, tolerance=tolerance, metrics=metrics)
    compared = {metric for each in found for metric in each.verdict.metrics}
    for metric in tolerance if compared else ():
        if metric not in compared:
            raise ParityError(f"tolerance: {metric!r} was not compared; {nearest(metric, compared)}")
    kind = gravest(each.verdict.kind for each in found)
    return Comparison(found=next(each for each in found if each.verdict.kind is kind))
