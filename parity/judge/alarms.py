"""What is suspicious in a trace by itself, whatever it is compared with.

An alarm changes no verdict: both arms may have it, and be equal.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from parity.judge.trained import untrained
from parity.probe.values import BOTH_ARMS, ArmName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parity.trace.values import Step, Tensor, Trace

_NAMED = 3
"""Tensors that are named; more are counted."""


def alarms(trace: Trace) -> tuple[str, ...]:
    """One line for each thing that is suspicious, in the order of the flow."""
    return (
        *_batches(trace.steps),
        *_targets(trace.steps),
        *_gradients(trace.steps),
        *_rates(trace.steps),
        *_frozen(trace),
        *_unmoved(trace),
    )


def trained_alike(ended: Mapping[int, Mapping[ArmName, Trace]]) -> dict[int, tuple[str, ...]]:
    """By seed, one line for each arm that ended as it did at an earlier seed: then its seed changes nothing.

    Args:
        ended: by seed, the complete traces of a probe.

    """
    first: dict[tuple[ArmName, frozenset[tuple[str, Tensor]]], int] = {}
    found: dict[int, tuple[str, ...]] = {}
    for seed, traces in ended.items():
        for name in BOTH_ARMS:
            trace = traces.get(name)
            if trace is None or trace.end is None or not trace.end.trainable or untrained(trace):
                continue
            earlier = first.setdefault((name, frozenset(trace.end.trainable.items())), seed)
            if earlier != seed:
                said = f"{name}: it ends as at seed {earlier}, to the bit: its seed changes nothing"
                found[seed] = (*found.get(seed, ()), said)
    return found


def _batches(steps: Sequence[Step]) -> Iterator[str]:
    """A batch that comes again before one that was never seen: rows were left."""
    seen: dict[str, int] = {}
    again: tuple[int, int] | None = None
    for step in steps:
        if step.batch is None:
            return
        if step.batch not in seen:
            if again is not None:
                repeated, first = again
                yield f"the batch of step {repeated} is that of step {first}, although step {step.step} has a new one"
                return
            seen[step.batch] = step.step
        elif again is None:
            again = (step.step, seen[step.batch])


def _targets(steps: Sequence[Step]) -> Iterator[str]:
    if none := [step.step for step in steps if step.tokens == 0]:
        yield f"no token is supervised at {_at(none, steps)}"


def _gradients(steps: Sequence[Step]) -> Iterator[str]:
    norms = [(step.step, step.grad_norm) for step in steps if step.grad_norm is not None]
    odd = {
        "zero": [step for step, norm in norms if norm == 0],
        "NaN": [step for step, norm in norms if math.isnan(norm)],
        "infinite": [step for step, norm in norms if math.isinf(norm)],
    }
    for what, where in odd.items():
        if where:
            yield f"the gradient is {what} at {_at(where, steps)}"


def _rates(steps: Sequence[Step]) -> Iterator[str]:
    """The first step of a warmup may well have a rate of 0."""
    zero = [step.step for step in steps if step.lr == 0]
    if zero and zero != [steps[0].step]:
        yield f"the learning rate is 0 at {_at(zero, steps)}"


def _frozen(trace: Trace) -> Iterator[str]:
    if trace.start is None or trace.end is None:
        return
    if changed := _differing(trace.start.base, trace.end.base):
        count = _count(changed, len(trace.start.base))
        yield f"{count} frozen weights changed between the first step and the end: {_named(changed)}"


def _unmoved(trace: Trace) -> Iterator[str]:
    """All tensors, or else those that alone stand still; those that never had a gradient are told apart."""
    if why := untrained(trace):
        yield f"nothing was trained: {why}"
    elif trace.start is not None and trace.end is not None:
        before, after, idle = trace.start.trainable, trace.end.trainable, trace.end.idle
        if idle:
            yield f"{_count(idle, len(before))} trainable tensors had a gradient of zero at every step: {_named(idle)}"
        if still := sorted(name for name in before if before[name] == after.get(name) and name not in idle):
            yield f"{_count(still, len(before))} trainable tensors did not move: {_named(still)}"


def _differing(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[str]:
    return sorted(name for name in before.keys() & after.keys() if before[name] != after[name])


def _at(where: Sequence[int], steps: Sequence[Step]) -> str:
    """`step 3`, `every step`, `4 of 30 steps, first step 3`."""
    if len(where) == len(steps) > 1:
        return "every step"
    return f"step {where[0]}" if len(where) == 1 else f"{len(where)} of {len(steps)} steps, first step {where[0]}"


def _count(some: Sequence[str], every: int) -> str:
    return f"{len(some)} of {every}"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
