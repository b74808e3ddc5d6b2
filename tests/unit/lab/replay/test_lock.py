"""Every step from the same state: what is put back, what stays the arm's own, and what cannot be locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim
import pytest
from mlx import nn

from parity.lab.fingerprint import leaves
from parity.lab.replay.lock import Lock, LockError, Recorder
from parity.lab.replay.observer import Enough

if TYPE_CHECKING:
    from pathlib import Path


def loss(model: Any, x: mx.array) -> mx.array:
    return mx.square(model(x)).sum()


def step(model: Any, optimizer: Any) -> None:
    _, gradient = nn.value_and_grad(model, loss)(model, mx.random.normal((3, 4)))
    optimizer.update(model, gradient)
    mx.eval(model.state, optimizer.state)


def state(model: Any, optimizer: Any) -> dict[str, list[Any]]:
    key: Any = mx.random.state
    named = {**leaves(model.trainable_parameters()), **leaves(optimizer.state), "key": key[0]}
    return {name: leaf.tolist() for name, leaf in named.items()}


def model_of(width: int = 4) -> Any:
    mx.random.seed(7)
    return nn.Linear(width, 2)


def test_an_arm_is_put_into_the_state_before_every_step_and_keeps_its_learning_rate(tmp_path: Path) -> None:
    model, optimizer, recorder = model_of(), optim.Adam(learning_rate=0.1), Recorder(tmp_path)
    recorder.before_training(model, loss)
    states = []
    for number in (1, 2, 3):
        step(model, optimizer)
        recorder.after_step(number, model, optimizer, {})
        states.append(state(model, optimizer))
    assert recorder.steps == 4

    other, own = model_of(), optim.Adam(learning_rate=0.5)
    other.weight = other.weight + 1
    lock = Lock(tmp_path, 3)
    lock.before_training(other, loss)
    step(other, own)
    for number in (1, 2):
        lock.after_step(number, other, own, {})
        expected = states[number - 1] | {"learning_rate": own.learning_rate.item()}
        assert state(other, own) == expected
        step(other, own)
    with pytest.raises(Enough):
        lock.after_step(3, other, own, {})


def test_a_budget_bounds_the_states_that_are_kept(tmp_path: Path) -> None:
    model, optimizer = model_of(), optim.Adam(learning_rate=0.1)
    recorder = Recorder(tmp_path, budget=300)
    recorder.before_training(model, loss)
    for number in (1, 2, 3):
        step(model, optimizer)
        recorder.after_step(number, model, optimizer, {})
    assert 1 <= recorder.steps < 4
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2000


def test_arms_that_train_other_tensors_cannot_be_locked(tmp_path: Path) -> None:
    Recorder(tmp_path).before_training(model_of(), loss)
    with pytest.raises(LockError, match=r"weight is float32 \[2, 4\] in the reference, float32 \[2, 5\] in the cand"):
        Lock(tmp_path, 1).before_training(model_of(5), loss)
    bare = model_of()
    bare.freeze(keys="bias")
    with pytest.raises(LockError, match=r"bias is float32 \[2\] in the reference, missing in the candidate"):
        Lock(tmp_path, 1).before_training(bare, loss)
