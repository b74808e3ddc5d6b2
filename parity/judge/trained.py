"""Whether the arms trained anything: two arms that both stand still are equal, and prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.probe.values import BOTH_ARMS, ArmName, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.judge.verdict import Verdict
    from parity.trace.values import Trace


def untrained(trace: Trace) -> str:
    """Why an arm trained nothing; empty if it did."""
    if trace.start is None or trace.end is None:
        return ""
    before, after = trace.start.trainable, trace.end.trainable
    known = "trainable" not in trace.start.unseen and "trainable_at_end" not in trace.end.unseen
    if known and not before:
        return "no tensor is trainable"
    if trace.steps and all(step.grad_norm == 0 for step in trace.steps):
        return f"the gradient was zero at every one of {len(trace.steps)} steps"
    return f"none of {len(before)} trainable tensors moved" if known and before == after else ""


def with_trained(verdict: Verdict, traces: Mapping[ArmName, Trace]) -> Verdict:
    """Makes a verdict invalid if neither arm trained anything, whatever else is equal or differs."""
    whys = [untrained(traces[arm]) for arm in BOTH_ARMS]
    if verdict.kind is VerdictKind.INVALID or not all(whys):
        return verdict
    reason = f"nothing was trained: in both arms, {whys[0]}"
    if whys[0] != whys[1]:
        reason = f"nothing was trained: in the reference, {whys[0]}; in the candidate, {whys[1]}"
    return replace(verdict, kind=VerdictKind.INVALID, reason=reason)
