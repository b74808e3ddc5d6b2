"""What the tap has changed is not judged."""

from __future__ import annotations

import pytest

from parity.judge.control import with_control
from parity.judge.diff import diff, recording
from parity.judge.verdict import Thresholds, judge
from parity.probe.values import ArmName, VerdictKind
from tests.unit.made import trace

TRACES = {arm: trace() for arm in ArmName}
ENDED = {"q_proj.lora_a": "33"}
SAME = judge(diff(recording(trace()), recording(trace())), again=(), thresholds=Thresholds())


def test_what_ended_alike_stands() -> None:
    assert with_control(SAME, TRACES, {"reference": ENDED, "candidate": ENDED}) is SAME
    assert with_control(SAME, TRACES, None) is SAME


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        (
            {"reference": ENDED, "candidate": {"q_proj.lora_a": "23"}},
            "without the tap, the candidate ends with different parameters: 1 of 1 tensors, first q_proj.lora_a",
        ),
        (
            {"reference": {**ENDED, "more": "1"}, "candidate": ENDED},
            "without the tap, the reference ends with different parameters: 1 of 2 tensors, first more",
        ),
        (
            {"reference": ENDED},
            "without the tap, the candidate ends with different parameters: 1 of 1 tensors, first q_proj.lora_a",
        ),
        ({}, "the control run failed; see trainer-control.log"),
    ],
)
def test_what_did_not_is_no_verdict(control: dict[str, dict[str, str]], reason: str) -> None:
    found = with_control(SAME, TRACES, control)
    assert (found.kind, found.reason) == (VerdictKind.INVALID, reason)


def test_where_nothing_repeats_itself_it_proves_nothing() -> None:
    noisy = judge(diff(recording(trace()), recording(trace())), again=(), thresholds=Thresholds(deterministic=False))
    assert with_control(noisy, TRACES, {"reference": {}, "candidate": {}}) is noisy
