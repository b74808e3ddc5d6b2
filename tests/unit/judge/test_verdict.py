from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.judge.diff import Delta, Recording, diff, recording
from parity.judge.verdict import Thresholds, Verdict, judge
from parity.probe.values import VerdictKind
from parity.trace.values import Tensor
from tests.unit.made import END, losses, step, trace

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
EXACT = Thresholds()
NOISY = Thresholds(deterministic=False)


def judged(left: Recording, right: Recording, thresholds: Thresholds = EXACT) -> Verdict:
    return judge(diff(left, right), again=(), thresholds=thresholds)


def test_equal_to_the_bit_is_identical() -> None:
    verdict = judged(recording(trace()), recording(trace()))
    assert (verdict.kind, verdict.reason) == (VerdictKind.IDENTICAL, "bit for bit")
    assert verdict.first_divergence is None
    assert verdict.metrics["loss"].max_abs == 0.0
    assert verdict.metrics["loss"].first_step is None


@given(st.lists(finite, min_size=1, max_size=8), st.lists(finite, min_size=1, max_size=8))
def test_identical_is_said_of_equal_recordings_only(left: list[float], right: list[float]) -> None:
    verdict = judged(losses(*left), losses(*right))
    assert (verdict.kind is VerdictKind.IDENTICAL) == (left == right)


def test_a_fingerprint_alone_is_a_divergence() -> None:
    verdict = judged(recording(trace()), recording(trace(step(1), step(2, batch="f" * 16), step(3))))
    assert (verdict.kind, verdict.reason) == (VerdictKind.DIVERGED, "from step 2, stage batch")
    assert verdict.metrics["batch"].first_step == 2
    assert verdict.metrics["batch"].max_abs is None


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (losses(1.0, 2.0), losses(1.0), "missing step: only the reference has step 2"),
        (losses(1.0), losses(1.0, 2.0), "extra step: only the candidate has step 2"),
        (losses(math.nan), losses(math.nan), "NaN in both: loss at step 1"),
        (losses(1.0), losses(math.nan), "NaN in the candidate: loss at step 1"),
        (losses(math.nan), losses(1.0), "NaN in the reference: loss at step 1"),
        (losses(1.0), losses(1.0, first=5), "no common step: reference has step 1, candidate has step 5"),
        (losses(), losses(), "no common step: reference has none, candidate has none"),
    ],
)
def test_what_cannot_be_compared_never_passes(left: Recording, right: Recording, reason: str) -> None:
    for thresholds in (EXACT, NOISY, Thresholds(tolerance={"loss": 1e9})):
        verdict = judged(left, right, thresholds)
        assert (verdict.kind, verdict.reason) == (VerdictKind.INVALID, reason)


def test_a_nan_is_the_greatest_delta_and_not_left_out_of_it() -> None:
    assert math.isnan(judged(losses(1.0, 1.0), losses(1.5, math.nan)).metrics["loss"].max_abs or 0.0)


def test_a_reference_that_does_not_repeat_itself_is_contaminated() -> None:
    same, other = diff(losses(1.0), losses(1.0)), diff(losses(1.0), losses(1.5))
    verdict = judge(same, again=[other], thresholds=EXACT)
    assert verdict.kind is VerdictKind.INVALID
    assert verdict.reason == "contaminated: the reference no longer repeats itself, step 1, stage loss"


def test_a_repetition_that_stopped_early_is_no_proof() -> None:
    again = diff(losses(1.0, 1.0), losses(1.0))
    verdict = judge(diff(losses(1.0, 1.0), losses(1.0, 1.0)), again=[again] * 3, thresholds=EXACT)
    assert verdict.kind is VerdictKind.INVALID
    assert verdict.reason == (
        "the reference's repetition cannot be compared: missing step: only the reference has step 2"
    )


@pytest.mark.parametrize(
    ("candidate", "kind"),
    [
        (1.0, VerdictKind.IDENTICAL),
        (1.25, VerdictKind.WITHIN),
        (1.5, VerdictKind.WITHIN),
        (1.75, VerdictKind.INCONCLUSIVE),
    ],
)
def test_on_a_noisy_device_the_reference_itself_is_the_measure(candidate: float, kind: VerdictKind) -> None:
    again = diff(losses(1.0), losses(1.5))
    assert judge(diff(losses(1.0), losses(candidate)), again=[again] * 3, thresholds=NOISY).kind is kind


def test_a_noisy_device_that_repeats_itself_gives_no_room() -> None:
    again = diff(losses(1.0), losses(1.0))
    verdict = judge(diff(losses(1.0), losses(math.nextafter(1.0, 2.0))), again=[again] * 3, thresholds=NOISY)
    assert verdict.kind is VerdictKind.DIVERGED


def test_what_the_reference_repeats_to_the_bit_must_be_equal_to_the_bit() -> None:
    noisy = [step(number, loss=0.75 + number, params="e" * 16) for number in (1, 2, 3)]
    again = diff(recording(trace()), recording(trace(*noisy)))
    fine = [step(number, loss=0.75 + number, params="f" * 16) for number in (1, 2, 3)]
    assert judge(diff(recording(trace()), recording(trace(*fine))), again=[again] * 3, thresholds=NOISY).kind is (
        VerdictKind.WITHIN
    )
    other_batch = [step(number, loss=0.75 + number, batch="f" * 16) for number in (1, 2, 3)]
    verdict = judge(diff(recording(trace()), recording(trace(*other_batch))), again=[again] * 3, thresholds=NOISY)
    assert (verdict.kind, verdict.reason) == (
        VerdictKind.DIVERGED,
        "from step 1, stage batch: off by inf, the noise floor is 0",
    )


def test_noise_of_a_later_step_excuses_no_earlier_one() -> None:
    again = diff(losses(1.0, 1.0), losses(1.0, 1.5))
    early = judge(diff(losses(1.0, 1.0), losses(1.25, 1.0)), again=[again] * 3, thresholds=NOISY)
    assert early.kind is VerdictKind.INCONCLUSIVE
    late = judge(diff(losses(1.0, 1.0), losses(1.0, 1.25)), again=[again] * 3, thresholds=NOISY)
    assert late.kind is VerdictKind.WITHIN


def test_a_divergence_starts_where_the_rule_is_broken_and_not_in_the_noise_before() -> None:
    noisy = [step(number, loss=0.75 + number) for number in (1, 2, 3)]
    again = diff(recording(trace()), recording(trace(*noisy)))
    wrong = [step(1, loss=1.6), step(2, loss=2.5, lr=0.5), step(3)]
    verdict = judge(diff(recording(trace()), recording(trace(*wrong))), again=[again] * 3, thresholds=NOISY)
    assert verdict.kind is VerdictKind.DIVERGED
    assert verdict.first_divergence is not None
    assert (verdict.first_divergence.step, verdict.first_divergence.metric) == (2, "lr")


def test_a_noisy_fingerprint_alone_is_noise() -> None:
    noisy = [step(number, params="e" * 16) for number in (1, 2, 3)]
    again = diff(recording(trace()), recording(trace(*noisy)))
    other = [step(number, params="f" * 16) for number in (1, 2, 3)]
    verdict = judge(diff(recording(trace()), recording(trace(*other))), again=[again] * 3, thresholds=NOISY)
    assert (verdict.kind, verdict.reason) == (VerdictKind.WITHIN, "the noise floor of 3 repetitions")


def test_what_a_trainer_changes_after_its_last_update_is_seen() -> None:
    touched = replace(END, trainable={"q_proj.lora_a": Tensor(dtype="float32", shape=(64, 8), digest="99")})
    verdict = judged(recording(trace()), recording(trace(end=touched)))
    assert (verdict.kind, verdict.reason) == (VerdictKind.DIVERGED, "from step 3, stage update")


def test_a_trace_without_its_parameters_is_no_pass() -> None:
    for left, right in ((trace(), trace(start=None)), (trace(end=None), trace())):
        assert judged(recording(left), recording(right)).kind is VerdictKind.INVALID


def test_a_stated_tolerance_decides_on_its_metrics_alone() -> None:
    changed = [step(number, loss=0.75 + number, params="f" * 16) for number in (1, 2, 3)]
    delta = diff(recording(trace()), recording(trace(*changed)))
    within = judge(delta, again=(), thresholds=Thresholds(tolerance={"loss": 0.25}))
    assert (within.kind, within.reason) == (VerdictKind.WITHIN, "the stated tolerance")
    over = judge(delta, again=(), thresholds=Thresholds(tolerance={"loss": 0.2}))
    assert (over.kind, over.reason) == (
        VerdictKind.DIVERGED,
        "from step 1, stage loss: off by 0.25, the stated tolerance is 0.2",
    )
    hashed = judge(delta, again=(), thresholds=Thresholds(tolerance={"params": 1.0}))
    assert hashed.kind is VerdictKind.DIVERGED


def test_a_tolerance_for_what_was_not_compared_is_no_pass() -> None:
    verdict = judged(losses(1.0), losses(2.0), Thresholds(tolerance={"lr": 1.0}))
    assert (verdict.kind, verdict.reason) == (
        VerdictKind.INVALID,
        "the stated tolerance names 'lr', which was not compared",
    )


@given(finite, finite)
def test_the_smallest_tolerance_that_would_pass_passes_and_is_the_smallest(left: float, right: float) -> None:
    delta = diff(losses(left), losses(right))
    smallest = judge(delta, again=(), thresholds=EXACT).metrics["loss"].max_abs
    assert smallest is not None
    passed = judge(delta, again=(), thresholds=Thresholds(tolerance={"loss": smallest}))
    assert passed.kind in {VerdictKind.WITHIN, VerdictKind.IDENTICAL}
    if smallest > 0:
        less = Thresholds(tolerance={"loss": math.nextafter(smallest, 0.0)})
        assert judge(delta, again=(), thresholds=less).kind is VerdictKind.DIVERGED


def test_the_first_divergence_has_both_values_delta_and_ulps() -> None:
    at = judged(losses(1.0, 1.0), losses(1.0, 1.0 + 2**-23)).first_divergence
    assert at is not None
    assert (at.step, at.stage, at.metric) == (2, "loss", "loss")
    assert (at.reference, at.candidate, at.delta, at.ulp) == (1.0, 1.0 + 2**-23, 2**-23, 1)


def test_nothing_compared_is_no_pass() -> None:
    nothing = Delta(table=diff(losses(1.0), losses(1.0)).table.iloc[:0], problems=())
    verdict = judge(nothing, again=(), thresholds=EXACT)
    assert (verdict.kind, verdict.reason) == (VerdictKind.INVALID, "nothing was compared")
