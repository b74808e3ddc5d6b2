"""What a stated tolerance lets through: one that is as large as the values it judges, and what it leaves undecided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from parity.judge.result import ProbeResult
    from parity.judge.verdict import Verdict


def largest(table: pd.DataFrame, tolerance: Mapping[str, float]) -> dict[str, float]:
    """By metric that has a tolerance, the largest |value| of the reference; a fingerprint has none."""
    found: dict[str, float] = {}
    for metric in tolerance:
        values = table["reference"][table["metric"] == metric]
        numbers = [value for value in values if not isinstance(value, str)] if values.dtype == object else values
        if len(numbers):
            found[metric] = float(np.fmax.reduce(np.abs(np.asarray(numbers, dtype=np.float64)), initial=0.0))
    return found


def doubts(result: ProbeResult) -> Iterator[str]:
    """What a reader of a tolerance should know, in lines; nothing if the probe states none."""
    verdicts = [cell.verdict for cell in result.cells if cell.verdict and cell.kind is not VerdictKind.INVALID]
    stated = result.probe.tolerance
    for name, allowed in stated.items():
        values = [each.largest[name] for each in verdicts if name in each.largest]
        if values and allowed > 0.0 and allowed >= max(values):
            yield f"{name} may differ by {allowed:.9g}, but is {max(values):.9g} at most: the tolerance judges nothing"
    undecided = _undecided(verdicts, stated) if stated else {}
    if undecided:
        differing = ", ".join(f"{name}{f' (by {size:.4g})' if size else ''}" for name, size in undecided.items())
        decide = f"{', '.join(stated)} alone decide{'s' if len(stated) == 1 else ''}"
        yield f"{decide}; what differs and does not decide: {differing}"


def _undecided(verdicts: list[Verdict], stated: Mapping[str, float]) -> dict[str, float]:
    """By metric without a tolerance that differs at any seed, by how much at most; 0 for a fingerprint."""
    found: dict[str, float] = {}
    for verdict in verdicts:
        for name, summary in verdict.metrics.items():
            if name not in stated and summary.unequal:
                found[name] = max(found.get(name, 0.0), summary.max_abs or 0.0)
    return found
