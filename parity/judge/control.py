"""Judges the control of a cell: did the tap, or importing the candidate, change what was trained?

On a device that repeats itself both arms must end with the very same parameters. On any other device a control is one
more repetition: its distance from the run is held against those of the reference's repetitions (a permutation test, as
in `parity.judge.noise`, with a margin). The candidate's own noise is not measured and may be larger, so the candidate
must also be off by half of the distance that it trained. What that cannot decide is said not to be checked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from parity.judge.noise import enough
from parity.probe.values import BOTH_ARMS, ArmName, VerdictKind
from parity.trace.cell import CONTROL_LOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.judge.verdict import Thresholds, Verdict
    from parity.trace.control import Bare, Control
    from parity.trace.values import Trace

MARGIN = 2.0
"""A control may be this many times as far off as the furthest repetition: its distance is an estimate."""


TRAINED = 0.5
"""Part of the distance that a candidate trained by which its control must be off to be different."""


class ControlStatus(StrEnum):
    """What a control showed."""

    SAME = "same"
    """Both arms ended with the same parameters."""
    WITHIN = "within"
    """Both arms ended within the spread of the reference's repetitions."""
    UNDECIDED = "undecided"
    """Too few repetitions to tell, or the noise of the candidate alone may explain it."""
    DIFFERENT = "different"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Controlled:
    """The control of one cell, judged."""

    status: ControlStatus
    said: str
    """One clause."""
    wanted: int = 0
    """Repetitions that would settle it; 0 if it is settled."""


def judge_control(
    traces: Mapping[ArmName, Trace], repetitions: Sequence[Trace], control: Control | None, thresholds: Thresholds
) -> Controlled | None:
    """Judges a control; None if there was none.

    Args:
        traces: the complete traces of the reference and the candidate.
        repetitions: the reference's repetitions.
        control: what both arms ended with without a tap; empty if it failed.
        thresholds: whether the device repeats itself, and the confidence that is needed if it does not.

    """
    if control is None:
        return None
    if not control:
        return Controlled(status=ControlStatus.FAILED, said=f"the control run failed; see {CONTROL_LOG}")
    changed = {arm: said for arm in BOTH_ARMS if (said := _changed(traces[arm], control.get(arm)))}
    if not changed:
        return Controlled(status=ControlStatus.SAME, said="same final parameters")
    arm, said = next(iter(changed.items()))
    different = f"without the tap, the {arm} ends with different parameters: {said}"
    if thresholds.deterministic:
        return Controlled(status=ControlStatus.DIFFERENT, said=different)
    spread = [_distance(_sketch(traces[ArmName.REFERENCE]), _sketch(again)) for again in repetitions]
    found = [_against(spread, arm, traces[arm], control.get(arm), thresholds.confidence) for arm in changed]
    return max(found, key=lambda each: list(ControlStatus).index(each.status))


def with_control(verdict: Verdict, controlled: Controlled | None) -> Verdict:
    """Makes a verdict invalid if the control failed or ended elsewhere, or asks for repetitions that settle it."""
    if controlled is None:
        return verdict
    if controlled.status in {ControlStatus.FAILED, ControlStatus.DIFFERENT}:
        return replace(verdict, kind=VerdictKind.INVALID, reason=controlled.said)
    return replace(verdict, wanted=max(verdict.wanted, controlled.wanted))


def _against(spread: Sequence[float], arm: ArmName, trace: Trace, bare: Bare | None, confidence: float) -> Controlled:
    """Holds one arm of a control against the spread of the reference's repetitions."""
    furthest, had, needed = max(spread, default=0.0), len(spread), enough(confidence)
    off = _distance(_sketch(trace), () if bare is None else bare.sketch)
    if off <= MARGIN * furthest:
        return Controlled(status=ControlStatus.WITHIN, said=f"within the spread of {_repetitions(had)}")
    far = f"without the tap, the {arm} ends {off:.3g} from where it ended, {_repetitions(had)} at most {furthest:.3g}"
    trained = math.inf if bare is None else _distance(_sketch(trace), bare.started)
    if arm is ArmName.CANDIDATE and bare is not None and off < TRAINED * trained:
        why = f"{far}; the noise of the candidate, which trained a distance of {trained:.3g}, is not measured"
        return Controlled(status=ControlStatus.UNDECIDED, said=why)
    if had < needed:
        why = f"{far}; {needed} are needed for {confidence:.0%} confidence"
        return Controlled(status=ControlStatus.UNDECIDED, said=why, wanted=needed)
    return Controlled(status=ControlStatus.DIFFERENT, said=f"{far} ({confidence:.0%} confidence)")


def _repetitions(count: int) -> str:
    return f"{count} repetition{'' if count == 1 else 's'} of the reference"


def _sketch(trace: Trace) -> tuple[float, ...]:
    return () if trace.end is None else trace.end.sketch


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """L2; infinite where one of them has no sketch or a value that is no number."""
    if not one or len(one) != len(other):
        return math.inf
    found = math.dist(one, other)
    return math.inf if math.isnan(found) else found


def _changed(trace: Trace, bare: Bare | None) -> str:
    tapped = {} if trace.end is None else {name: tensor.digest for name, tensor in trace.end.trainable.items()}
    ended = {} if bare is None else bare.parameters
    names = sorted(name for name in {*tapped, *ended} if tapped.get(name) != ended.get(name))
    return f"{len(names)} of {len({*tapped, *ended})} tensors, first {names[0]}" if names else ""
