"""Loops of every make, each of a few lines: all of their steps are seen, and what cannot be seen is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim
import pytest
from mlx import nn
from mlx.utils import tree_map

from parity.judge.blind_spots import during
from parity.judge.diff import diff, recording
from parity.judge.verdict import Thresholds, judge
from parity.lab.tap import Tap
from parity.trace.file import TraceWriter, read_trace
from tests.unit import made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from parity.trace.values import Trace

ROWS = [mx.array([[1.0, 2.0], [3.0, float(number)]]) for number in range(4)]


class Net(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.frozen, self.trained = nn.Linear(2, 3), nn.Linear(3, 1)
        self.frozen.freeze()

    def __call__(self, x: mx.array) -> mx.array:
        out: mx.array = self.trained(mx.tanh(self.frozen(x)))
        return out


def fresh() -> Net:
    mx.random.seed(1)
    net = Net()
    mx.eval(net.parameters())
    return net


def traced(path: Path, train: Callable[[], Any], *, reports: bool = False, **given: Any) -> Trace:
    with TraceWriter(path, made.HEADER) as writer:
        tap = Tap(writer, loaded=None, passes=None, reports=reports, **given)
        with tap.installed():
            train()
        tap.finish()
        writer.close(made.DONE)
    return read_trace(path)


def weights(net: Net) -> list[Any]:
    return [leaf.tolist() for leaf in (net.trained.weight, net.trained.bias)]


def mean(net: Net, x: mx.array) -> mx.array:
    return mx.square(net(x)).mean()


def plain(net: Net, **optimizer: Any) -> None:
    adam, step = optim.AdamW(**({"learning_rate": 0.1} | optimizer)), nn.value_and_grad(net, mean)
    for x in ROWS:
        _, gradient = step(net, x)
        adam.update(net, gradient)
        mx.eval(net.state, adam.state)


def compiled(net: Net, *, evaluated: bool = True) -> None:
    adam = optim.AdamW(0.1)
    state = [net.state, adam.state]

    def step(x: mx.array) -> mx.array:
        loss: mx.array
        loss, gradient = nn.value_and_grad(net, mean)(net, x)  # made anew inside
        adam.update(net, gradient)
        return loss

    step = mx.compile(step, inputs=state, outputs=state)
    for x in ROWS:
        step(x)
        if evaluated:
            mx.eval(state)


def with_closure(net: Net) -> None:
    adam = optim.SGD(0.1)
    for x in ROWS:
        _, gradient = nn.value_and_grad(net, lambda x=x: mean(net, x))()
        adam.update(net, gradient)
        mx.async_eval(net.state, adam.state)  # type: ignore[no-untyped-call]


def applied(net: Net) -> None:
    """As mlx-vlm's engine: `(loss, dict)`, batches as dicts, and `apply_gradients` alone."""
    adam = optim.Adam(0.1)

    def loss(net: Net, batch: dict[str, mx.array]) -> tuple[mx.array, dict[str, mx.array]]:
        return mean(net, batch["x"]), {"tokens": mx.array(2), "rewards": mx.zeros(2)}

    step = nn.value_and_grad(net, loss)
    for x in ROWS:
        _, gradient = step(net, batch={"x": x})
        net.update(adam.apply_gradients(gradient, net.trainable_parameters()))
        mx.eval(net.parameters())


def pure(net: Net) -> None:
    """Without a module: parameters are an argument, and nothing is captured."""
    adam, parameters = optim.SGD(0.1), net.trained.parameters()

    def loss(parameters: Any, x: mx.array) -> mx.array:
        error: mx.array = mx.square(x @ parameters["weight"][:, :2].T + parameters["bias"]).mean()
        return error

    step = mx.compile(mx.value_and_grad(loss))
    for x in ROWS:
        _, gradient = step(parameters, x)
        parameters = adam.apply_gradients(gradient, parameters)
        mx.eval(parameters)
    net.trained.update(parameters)


def accumulating(net: Net) -> None:
    adam, step = optim.Lion(0.1), nn.value_and_grad(net, mean)
    for first in (0, 2):
        gradients = [step(net, ROWS[first + number])[1] for number in range(2)]
        adam.update(net, tree_map(lambda a, b: (a + b) / 2, *gradients))
        print(float(net.trained.bias[0]))  # noqa: T201 - evaluates without telling


def in_a_subclass(net: Net) -> None:
    class Own(optim.SGD):  # type: ignore[misc]
        def apply_gradients(self, gradients: Any, parameters: Any) -> Any:
            return super().apply_gradients(tree_map(lambda leaf: leaf * 2, gradients), parameters)

    step, adam = nn.value_and_grad(net, mean), Own(0.1)
    for x in ROWS:
        adam.update(net, step(net, x)[1])
    mx.eval(net.parameters())


LOOPS: dict[str, tuple[Callable[[Net], None], int, set[str]]] = {
    "scalar loss": (plain, 4, {"base", "tokens"}),
    "compiled": (compiled, 4, {"base", "tokens"}),
    "never evaluated": (lambda net: compiled(net, evaluated=False), 4, {"base", "tokens"}),
    "batch in a closure": (with_closure, 4, {"base", "tokens", "batch"}),
    "apply_gradients": (applied, 4, {"base"}),
    "no module": (pure, 4, {"base", "tokens", "trainable", "base_at_start", "trainable_at_end", "base_at_end"}),
    "accumulation": (accumulating, 2, {"base", "tokens"}),
    "an optimizer of its own": (in_a_subclass, 4, {"base", "tokens"}),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_every_step_is_seen_and_nothing_changes(tmp_path: Path, loop: str) -> None:
    train, steps, unseen = LOOPS[loop]
    tapped, bare = fresh(), fresh()
    trace = traced(tmp_path / "t.jsonl", lambda: train(tapped))
    train(bare)
    assert weights(tapped) == weights(bare)
    assert [row.step for row in trace.steps] == [row.counter for row in trace.steps] == list(range(1, steps + 1))
    assert set(recording(trace).unseen) == unseen
    assert len({row.loss for row in trace.steps}) == steps
    assert [row.found for row in trace.steps[1:]] == [row.params for row in trace.steps[:-1]]
    assert trace.start is not None
    assert trace.start.effective["accumulation"] == 4 // steps


@pytest.mark.parametrize("loop", LOOPS)
def test_twice_the_same_is_identical_and_says_what_was_not_compared(tmp_path: Path, loop: str) -> None:
    train, _, unseen = LOOPS[loop]
    one, other = (traced(tmp_path / name, lambda: train(fresh())) for name in ("a", "b"))
    delta = diff(recording(one), recording(other))
    assert str(judge(delta, again=(), thresholds=Thresholds()).kind) == "identical"
    assert set(delta.unseen) == unseen
    assert {str(spot.stage) for spot in during(one, other)} >= {"load"}


def test_what_changes_between_two_steps_is_the_update_of_the_step_before(tmp_path: Path) -> None:
    def nudged(net: Net) -> None:
        adam, step = optim.AdamW(0.1), nn.value_and_grad(net, mean)
        for number, x in enumerate(ROWS):
            adam.update(net, step(net, x)[1])
            mx.eval(net.state, adam.state)
            if number == 1:
                net.trained.update(tree_map(lambda leaf: leaf * (1 + 2**-20), net.trained.parameters()))

    reference = traced(tmp_path / "a", lambda: plain(fresh()))
    candidate = traced(tmp_path / "b", lambda: nudged(fresh()))
    first = judge(diff(recording(reference), recording(candidate)), again=(), thresholds=Thresholds()).first_divergence
    assert first is not None
    assert (first.step, first.stage, first.metric) == (2, "update", "params_kept")


def test_an_optimizer_that_counts_otherwise_differs_at_update(tmp_path: Path) -> None:
    def ahead(net: Net) -> None:
        sgd, step = optim.SGD(0.1), nn.value_and_grad(net, mean)
        for number, x in enumerate(ROWS):
            if number == 2:
                sgd.state["step"] = sgd.step + 1
            sgd.update(net, step(net, x)[1])
            mx.eval(net.state, sgd.state)

    def on_time(net: Net) -> None:
        sgd, step = optim.SGD(0.1), nn.value_and_grad(net, mean)
        for x in ROWS:
            sgd.update(net, step(net, x)[1])
            mx.eval(net.state, sgd.state)

    traces = [traced(tmp_path / loop.__name__, lambda loop=loop: loop(fresh())) for loop in (on_time, ahead)]  # type: ignore[misc]
    first = judge(diff(*map(recording, traces)), again=(), thresholds=Thresholds()).first_divergence
    assert first is not None
    assert (first.step, first.stage, first.metric, first.reference, first.candidate) == (3, "update", "counter", 3, 4)


def test_the_state_of_the_optimizer_is_its_own(tmp_path: Path) -> None:
    def state() -> set[str]:
        net, adam = fresh(), optim.AdamW(0.1)
        adam.update(net, nn.value_and_grad(net, mean)(net, ROWS[0])[1])
        return set(adam.state)

    seen: list[set[str]] = []
    traced(tmp_path / "t", lambda: seen.append(state()))
    assert seen == [state()]


def test_what_the_tap_cannot_follow_ends_the_trace_and_not_the_training(tmp_path: Path) -> None:
    """A step that was compiled before the tap was there leaks what is traced: it goes on as if nobody looked."""
    tapped, bare = fresh(), fresh()
    early = mx.compile

    def train(net: Net, compile_: Any) -> None:
        sgd, gradients = optim.SGD(0.1), nn.value_and_grad(net, mean)
        state = [net.state, sgd.state]
        step = compile_(lambda x: sgd.update(net, gradients(net, x)[1]), inputs=state, outputs=state)
        for x in ROWS:
            step(x)
            mx.eval(state)

    with pytest.raises(ValueError, match="eval"):
        traced(tmp_path / "t", lambda: train(tapped, early))
    train(bare, early)
    assert weights(tapped) == weights(bare)
