"""What the tap has changed is not judged, and what could not be compared is not claimed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.judge.control import Controlled, ControlStatus, judge_control, with_control
from parity.judge.verdict import Thresholds
from parity.probe.values import ArmName, VerdictKind
from parity.trace.control import Bare
from tests.unit.made import END, SAME_CONTROL, trace, verdict

if TYPE_CHECKING:
    from parity.trace.values import Trace


def ended(at: float, digest: str = "33") -> Trace:
    """A trace that ends at a place on a line."""
    tensors = {name: replace(tensor, digest=digest) for name, tensor in END.trainable.items()}
    return trace(end=replace(END, trainable=tensors, sketch=(at, 0.0)))


def bare(at: float = 0.0, digest: str = "33", name: str = "q_proj.lora_a") -> Bare:
    return Bare(parameters={name: digest}, sketch=(at, 0.0), started=(0.0, START_AT))


TRACES = {ArmName.REFERENCE: ended(0.0), ArmName.CANDIDATE: ended(0.0)}
START_AT = 10.0
"""Both arms train a distance of 10."""
CPU, GPU = Thresholds(), Thresholds(deterministic=False)


def noisy(off: float, *spread: float) -> Controlled | None:
    """A control whose candidate ends so far off, where repetitions of the reference ended that far off."""
    again = [ended(at, digest="44") for at in spread]
    return judge_control(TRACES, again, {"reference": bare(), "candidate": bare(off, digest="55")}, GPU)


@pytest.mark.parametrize("thresholds", [CPU, GPU])
def test_what_ended_with_the_same_parameters_is_the_same_on_every_device(thresholds: Thresholds) -> None:
    assert judge_control(TRACES, [], {"reference": bare(), "candidate": bare()}, thresholds) == SAME_CONTROL
    assert judge_control(TRACES, [], None, thresholds) is None


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (
            {"reference": bare(), "candidate": bare(digest="23")},
            "without the tap, the candidate ends with different parameters: 1 of 1 tensors, first q_proj.lora_a",
        ),
        (
            {
                "reference": Bare(parameters={"q_proj.lora_a": "33", "more": "1"}, sketch=(), started=()),
                "candidate": bare(),
            },
            "without the tap, the reference ends with different parameters: 1 of 2 tensors, first more",
        ),
        (
            {"reference": bare()},
            "without the tap, the candidate ends with different parameters: 1 of 1 tensors, first q_proj.lora_a",
        ),
    ],
)
def test_different_parameters_are_different_where_the_device_repeats_itself(
    control: dict[str, Bare], said: str
) -> None:
    found = judge_control(TRACES, [], control, CPU)
    assert found == Controlled(status=ControlStatus.DIFFERENT, said=said)


@pytest.mark.parametrize("thresholds", [CPU, GPU])
def test_a_control_that_failed_is_no_proof_on_any_device(thresholds: Thresholds) -> None:
    found = judge_control(TRACES, [], {}, thresholds)
    assert found == Controlled(status=ControlStatus.FAILED, said="the control run failed; see trainer-control.log")


def test_noise_is_within_the_spread_of_the_repetitions() -> None:
    within = Controlled(status=ControlStatus.WITHIN, said="within the spread of 3 repetitions of the reference")
    assert noisy(0.25, 0.125, 0.25, 0.0625) == noisy(0.5, 0.125, 0.25, 0.0625) == within


def test_far_off_is_different_with_enough_repetitions_and_undecided_with_fewer() -> None:
    far = "without the tap, the candidate ends 8 from where it ended, {} repetitions of the reference at most 0.25"
    assert noisy(8.0, 0.125, 0.25, 0.0625) == Controlled(
        status=ControlStatus.UNDECIDED, said=f"{far.format(3)}; 19 are needed for 95% confidence", wanted=19
    )
    assert noisy(8.0, *[0.25] * 19) == Controlled(
        status=ControlStatus.DIFFERENT, said=f"{far.format(19)} (95% confidence)"
    )


@pytest.mark.parametrize("count", [3, 19])
def test_a_candidate_that_is_off_by_less_than_half_of_what_it_trained_is_undecided(count: int) -> None:
    found = noisy(4.75, *[0.25] * count)
    assert found == Controlled(
        status=ControlStatus.UNDECIDED,
        said=f"without the tap, the candidate ends 4.75 from where it ended, {count} repetitions of the reference at "
        "most 0.25; the noise of the candidate, which trained a distance of 10, is not measured",
    )


def test_a_reference_that_is_off_by_less_than_that_is_different() -> None:
    control = {"reference": bare(4.75, digest="55"), "candidate": bare()}
    found = judge_control(TRACES, [ended(0.25, "44")] * 19, control, GPU)
    assert found is not None
    assert (found.status, found.said[:30]) == (ControlStatus.DIFFERENT, "without the tap, the reference")


def test_an_arm_that_the_control_does_not_have_is_infinitely_far_off() -> None:
    found = judge_control(TRACES, [ended(0.5, "44")] * 19, {"reference": bare()}, GPU)
    assert found is not None
    assert (found.status, "ends inf from" in found.said) == (ControlStatus.DIFFERENT, True)


@pytest.mark.parametrize("status", [ControlStatus.FAILED, ControlStatus.DIFFERENT])
def test_a_control_that_failed_or_ended_elsewhere_is_no_verdict(status: ControlStatus) -> None:
    found = with_control(verdict(VerdictKind.IDENTICAL), Controlled(status=status, said="so"))
    assert (found.kind, found.reason) == (VerdictKind.INVALID, "so")


def test_every_other_control_leaves_the_verdict_and_may_want_repetitions() -> None:
    before = verdict(VerdictKind.IDENTICAL)
    assert with_control(before, None) == with_control(before, SAME_CONTROL) == before
    asks = Controlled(status=ControlStatus.UNDECIDED, said="so", wanted=19)
    assert with_control(before, asks) == replace(before, wanted=19)
