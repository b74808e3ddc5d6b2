"""Assertions on two recordings; what they raise is the delta table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from parity.testing.comparison import Comparison


def assert_identical(
    reference: str | os.PathLike[str], candidate: str | os.PathLike[str], *, metrics: Sequence[str] = ()
) -> None:
    """Asserts that two recordings are equal to the bit, at every step.

    Args:
        reference: what `parity.compare` takes.
        candidate: the same.
        metrics: the metrics to compare, such as `loss`; empty: all.

    Raises:
        AssertionError: they differ, or cannot be compared; its message is the delta table, with step, stage and both
            values, and the verdict.
        BadTraceError: one of them cannot be read, or lacks a metric.

    """
    __tracebackhide__ = True
    from parity.testing.comparison import compare  # noqa: PLC0415 - the judge takes a second to import

    found = compare(reference, candidate, metrics=metrics)
    if found.verdict is not VerdictKind.IDENTICAL:
        raise AssertionError(_said(found, reference, candidate))


def assert_within(
    reference: str | os.PathLike[str],
    candidate: str | os.PathLike[str],
    tolerance: Mapping[str, float],
    *,
    metrics: Sequence[str] = (),
) -> None:
    """Asserts that two recordings differ by no more than a tolerance, at every step.

    Args:
        reference: what `parity.compare` takes.
        candidate: the same.
        tolerance: by metric, the largest accepted |candidate − reference|, in the metric's own unit, as in
            `{"loss": 1e-6}`; the metrics that it names decide, and no others.
        metrics: the metrics to compare; empty: all.

    Raises:
        AssertionError: a difference is larger, or they cannot be compared; its message is the delta table, with step,
            stage and both values, and the verdict.
        BadTraceError: one of them cannot be read, or lacks a metric.
        ParityError: the tolerance is empty, negative, or names a metric that was not compared.

    """
    __tracebackhide__ = True
    from parity.errors import ParityError  # noqa: PLC0415
    from parity.testing.comparison import compare  # noqa: PLC0415

    if not tolerance:
        raise ParityError("tolerance: names no metric; write {'loss': 1e-6}, or use assert_identical")
    found = compare(reference, candidate, metrics=metrics, tolerance=tolerance)
    if found.verdict not in {VerdictKind.IDENTICAL, VerdictKind.WITHIN}:
        raise AssertionError(_said(found, reference, candidate))


def _said(found: Comparison, reference: object, candidate: object) -> str:
    """A first line for a summary, and the table below it."""
    return f"{found.verdict}: {found.reason} ({reference} → {candidate})\n{found}"
