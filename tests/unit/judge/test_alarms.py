from __future__ import annotations

from dataclasses import replace

import pytest

from parity.judge.alarms import alarms, trained_alike
from parity.probe.values import ArmName
from parity.trace.values import Tensor, Trace
from tests.unit.made import END, START, TRAINED, step, trace

FOUR = {f"layers.{n}.lora_a": Tensor(dtype="float32", shape=(2,), digest=str(n)) for n in range(4)}
MOVED = {name: replace(each, digest="ff") for name, each in FOUR.items()}


def batches(*names: str) -> Trace:
    return trace(*[step(number, batch=name) for number, name in enumerate(names, start=1)])


def still(*names: str) -> Trace:
    after = {name: FOUR[name] if name in names else each for name, each in MOVED.items()}
    return trace(start=replace(START, trainable=FOUR), end=replace(END, trainable=after))


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (batches("a", "b", "c"), []),
        (batches("a", "b", "a", "b"), []),
        (batches("a", "a", "a"), []),
        (batches("a", "b", "a", "c"), ["the batch of step 3 is that of step 1, although step 4 has a new one"]),
        (trace(step(1), step(2, tokens=0, batch="b")), ["no token is supervised at step 2"]),
        (
            trace(step(1), step(2, grad_norm=0.0), step(3, grad_norm=0.0)),
            ["the gradient is zero at 2 of 3 steps, first step 2"],
        ),
        (trace(step(1, grad_norm=float("nan"))), ["the gradient is NaN at step 1"]),
        (
            trace(step(1, grad_norm=float("inf")), step(2, grad_norm=float("inf"))),
            ["the gradient is infinite at every step"],
        ),
        (trace(step(1, lr=0.0), step(2)), []),
        (trace(step(1), step(2, lr=0.0)), ["the learning rate is 0 at step 2"]),
        (trace(step(1, lr=0.0), step(2, lr=0.0)), ["the learning rate is 0 at every step"]),
        (
            trace(end=replace(END, base={"model.norm.weight": Tensor(dtype="bfloat16", shape=(64,), digest="99")})),
            ["1 of 1 frozen weights changed between the first step and the end: model.norm.weight"],
        ),
        (
            trace(end=replace(END, trainable=START.trainable)),
            ["nothing was trained: none of 1 trainable tensors moved"],
        ),
        (still(), []),
        (
            replace(still("layers.1.lora_a"), end=replace(END, trainable=MOVED, idle=("layers.1.lora_a",))),
            ["1 of 4 trainable tensors had a gradient of zero at every step: layers.1.lora_a"],
        ),
        (still("layers.1.lora_a"), ["1 of 4 trainable tensors did not move: layers.1.lora_a"]),
        (still(*FOUR), ["nothing was trained: none of 4 trainable tensors moved"]),
        (trace(start=None, end=None), []),
    ],
)
def test_what_is_suspicious_by_itself(of: Trace, said: list[str]) -> None:
    assert list(alarms(of)) == said


def test_an_arm_that_ends_alike_at_two_seeds_is_named_at_the_later_one() -> None:
    other = trace(end=replace(END, trainable={name: replace(each, digest="44") for name, each in TRAINED.items()}))
    reference, candidate = ArmName.REFERENCE, ArmName.CANDIDATE
    assert trained_alike({1: {reference: trace(), candidate: trace()}, 42: {reference: trace(), candidate: other}}) == {
        42: ("reference: it ends as at seed 1, to the bit: its seed changes nothing",)
    }
    assert trained_alike({1: {reference: trace()}, 42: {reference: other}}) == {}
    still = trace(end=replace(END, trainable=START.trainable))
    assert trained_alike({1: {reference: still}, 42: {reference: still}, 7: {}}) == {}
