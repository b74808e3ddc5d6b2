"""Judges the control of a cell: did the tap, or importing the candidate, change what was trained?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.probe.values import ArmName, VerdictKind
from parity.trace.cell import CONTROL_LOG, Digests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.judge.verdict import Verdict
    from parity.trace.values import Trace


def with_control(verdict: Verdict, traces: Mapping[ArmName, Trace], control: Digests | None) -> Verdict:
    """Makes a verdict invalid if the control failed or ended with different parameters.

    If the device does not repeat itself, different parameters prove nothing, and the verdict stays.
    """
    if control is None or not verdict.thresholds.deterministic:
        return verdict
    if not control:
        return replace(verdict, kind=VerdictKind.INVALID, reason=f"the control run failed; see {CONTROL_LOG}")
    for arm in (ArmName.REFERENCE, ArmName.CANDIDATE):
        if changed := _changed(traces[arm], control.get(arm, {})):
            why = f"without the tap, the {arm} ends with different parameters: {changed}"
            return replace(verdict, kind=VerdictKind.INVALID, reason=why)
    return verdict


def _changed(trace: Trace, bare: Mapping[str, str]) -> str:
    tapped = {} if trace.end is None else {name: tensor.digest for name, tensor in trace.end.trainable.items()}
    names = sorted(name for name in {*tapped, *bare} if tapped.get(name) != bare.get(name))
    return f"{len(names)} of {len({*tapped, *bare})} tensors, first {names[0]}" if names else ""
