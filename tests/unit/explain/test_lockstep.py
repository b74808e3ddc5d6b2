"""Which steps are faulty by themselves, and which only follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.explain.lockstep import Lockstep, Span, lockstep
from parity.explain.wording import lockstep_rows, lockstep_sentence
from parity.judge.diff import Delta, diff, recording
from parity.judge.verdict import Thresholds
from parity.metrics import Stage
from tests.unit.made import step, trace

if TYPE_CHECKING:
    from parity.trace.values import Step

BITWISE = Thresholds()


def delta(*changed: Step) -> Delta:
    """Four steps, some of them changed."""
    plain = {number: step(number) for number in (1, 2, 3, 4)}
    other = plain | {each.step: each for each in changed}
    return diff(recording(trace(*plain.values())), recording(trace(*other.values())))


def clipped(number: int) -> Step:
    return step(number, clipped="cc", params="cc")


def test_a_fault_that_binds_once_is_told_from_what_follows() -> None:
    free = delta(clipped(2), step(3, loss=9.0), step(4, loss=9.0))
    found = lockstep(free, delta(clipped(2)), [delta()], thresholds=BITWISE, asked=4)
    assert found.spans == (
        Span(first=1, last=1, free=None, locked=None),
        Span(first=2, last=2, free=Stage.CLIP, locked=Stage.CLIP),
        Span(first=3, last=4, free=Stage.LOSS, locked=None),
    )
    assert (
        lockstep_sentence(found)
        == "Faulty by themselves: step 2 at clip; differences at other steps follow from these."
    )
    assert lockstep_rows(found) == [
        ("step 1", "equal", "equal"),
        ("step 2", "clip", "clip"),
        ("steps 3–4", "loss", "equal"),
    ]


def test_steps_that_are_all_faulty_are_one_range() -> None:
    free = delta(step(1, params="cc"), *(step(number, loss=9.0) for number in (2, 3, 4)))
    locked = delta(*(step(number, params="cc") for number in (1, 2, 3, 4)))
    found = lockstep(free, locked, [delta()], thresholds=BITWISE, asked=4)
    assert lockstep_sentence(found) == "Faulty by themselves: steps 1–4 at update."


def test_what_was_there_before_step_1_makes_no_step_faulty() -> None:
    found = lockstep(delta(step(1, loss=9.0)), delta(), [delta()], thresholds=BITWISE, asked=4)
    assert lockstep_sentence(found) == ("State-locked, no step differs: the difference was there before step 1.")


def test_a_bound_on_states_is_said() -> None:
    every = delta(*(step(number, loss=9.0) for number in (1, 2, 3, 4)))
    found = lockstep(every, every, [delta()], thresholds=BITWISE, asked=30)
    assert lockstep_sentence(found) == (
        "Faulty by themselves: steps 1–4 at loss (steps 1 to 4 of 30; the states of more exceed the size limit)."
    )


def test_what_could_not_be_locked_is_said() -> None:
    found = Lockstep(spans=(), asked=4, note="LockError: the arms train different tensors: x is missing")
    assert lockstep_sentence(found) == (
        "Not run state-locked: LockError: the arms train different tensors: x is missing."
    )
    assert lockstep_rows(found) == []


@pytest.mark.parametrize(("off", "faulty"), [(0.25, False), (0.75, True)])
def test_a_noise_floor_excuses_a_step_as_it_does_in_the_verdict(off: float, faulty: bool) -> None:
    noise = delta(*(step(number, loss=0.5 + number + 0.5) for number in (1, 2, 3, 4)))
    found = lockstep(
        noise, delta(step(2, loss=2.5 + off)), [noise], thresholds=Thresholds(deterministic=False), asked=4
    )
    assert bool(found.faulty) is faulty
