"""Whether an arm saved what it trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.probe.values import BOTH_ARMS, ArmName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.trace.values import Trace


def saved_otherwise(traces: Mapping[ArmName, Trace]) -> str:
    """Which arms saved other tensors than they trained, with the first of them; empty if none did."""
    return "; ".join(said for name in BOTH_ARMS if (said := _otherwise(name, traces[name])))


def _otherwise(name: ArmName, trace: Trace) -> str:
    end = trace.end
    if end is None or end.saved is None:
        return ""
    names = sorted(end.saved.keys() | end.trainable.keys())
    unequal = [each for each in names if end.saved.get(each) != end.trainable.get(each)]
    if not unequal:
        return ""
    return f"the {name} saved {len(unequal)} of {len(names)} tensors otherwise than trained, first {unequal[0]}"
