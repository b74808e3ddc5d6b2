from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.judge.trained import untrained, with_trained
from parity.probe.values import ArmName, VerdictKind
from tests.unit.made import END, START, step, trace, verdict

if TYPE_CHECKING:
    from parity.trace.values import Trace

IDLE = replace(END, trainable=START.trainable)
STILL = "none of 1 trainable tensors moved"
FLAT = "the gradient was zero at every one of 2 steps"


def arms(reference: Trace, candidate: Trace) -> dict[ArmName, Trace]:
    return {ArmName.REFERENCE: reference, ArmName.CANDIDATE: candidate}


def flat() -> Trace:
    return trace(step(1, grad_norm=0.0), step(2, grad_norm=0.0))


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (trace(), ""),
        (trace(end=IDLE), STILL),
        (flat(), FLAT),
        (trace(step(1, grad_norm=0.0), step(2)), ""),
        (trace(start=replace(START, trainable={}), end=replace(END, trainable={})), "no tensor is trainable"),
        (trace(end=None), ""),
    ],
)
def test_an_arm_says_why_it_trained_nothing(of: Trace, why: str) -> None:
    assert untrained(of) == why


@pytest.mark.parametrize("kind", [VerdictKind.IDENTICAL, VerdictKind.WITHIN, VerdictKind.DIVERGED])
def test_two_arms_that_stand_still_are_invalid_whatever_else_is_so(kind: VerdictKind) -> None:
    found = with_trained(verdict(kind), arms(trace(end=IDLE), trace(end=IDLE)))
    assert (found.kind, found.reason) == (VerdictKind.INVALID, f"nothing was trained: in both arms, {STILL}")


def test_each_arm_has_its_own_reason() -> None:
    found = with_trained(verdict(VerdictKind.IDENTICAL), arms(trace(end=IDLE), flat()))
    assert found.reason == f"nothing was trained: in the reference, {STILL}; in the candidate, {FLAT}"


@pytest.mark.parametrize("traces", [arms(trace(end=IDLE), trace()), arms(trace(), flat())])
def test_one_arm_that_stands_still_changes_no_verdict(traces: dict[ArmName, Trace]) -> None:
    assert with_trained(verdict(VerdictKind.DIVERGED), traces) == verdict(VerdictKind.DIVERGED)


def test_an_invalid_verdict_keeps_its_reason() -> None:
    invalid = verdict(VerdictKind.INVALID, reason="a step is missing")
    assert with_trained(invalid, arms(flat(), flat())) == invalid
