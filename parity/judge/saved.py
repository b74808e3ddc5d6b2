"""Whether an arm saved what it trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.trace.values import Trace


def saved_otherwise(arms: Iterable[Trace]) -> str:
    """Which arms saved other tensors than they trained, with the first of them; empty if none did."""
    return "; ".join(said for trace in arms if (said := _otherwise(trace)))


def _otherwise(trace: Trace) -> str:
    end = trace.end
    if end is None or end.saved is None:
        return ""
    names = sorted(end.saved.keys() | end.trainable.keys())
    unequal = [name for name in names if end.saved.get(name) != end.trainable.get(name)]
    if not unequal:
        return ""
    count = f"{len(unequal)} of {len(names)} tensors"
    return f"the {trace.header.arm} saved {count} otherwise than trained, first {unequal[0]}"
