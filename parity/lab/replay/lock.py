"""Puts one arm, before every step, into the state of the other: what still differs is a fault of that step.

State is what training changes: trainable parameters, the optimizer's state and the random key. Frozen weights and
the learning rate are the arm's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlx.core as mx
from mlx.utils import tree_unflatten

from parity.lab.fingerprint import leaves
from parity.lab.replay.observer import Enough, Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BUDGET = 2 * 1024**3
"""Limit of the states that are kept on disk during a replay, in bytes."""

_TRAINED, _OPTIMIZER, _KEY = "trained/", "optimizer/", "key"
_NOT_STATE = ("learning_rate",)


class LockError(Exception):
    """An arm cannot be put into the state of the other."""


class Recorder(Observer):
    """Writes the state before every step, until the budget is used up."""

    def __init__(self, folder: Path, *, budget: int = BUDGET) -> None:
        self.steps = 0
        """How many steps have a recorded state."""
        self._folder = folder
        self._left = budget

    def before_training(self, model: Any, _loss: Callable[..., Any] | None) -> None:
        """Writes the state before step 1; the optimizer has none yet."""
        self._write(_state(model, {}))

    def after_step(self, step: int, model: Any, optimizer: Any, _whole: Mapping[str, Any]) -> None:
        """Writes the state after this step, which is the state before the next."""
        if self.steps == step:
            self._write(_state(model, optimizer.state))

    def _write(self, state: Mapping[str, mx.array]) -> None:
        size = sum(leaf.nbytes for leaf in state.values())
        if size <= self._left:
            mx.save_safetensors(str(_file(self._folder, self.steps)), dict(state))
            self._left -= size
            self.steps += 1


class Lock(Observer):
    """Puts an arm into the states that a `Recorder` wrote."""

    def __init__(self, folder: Path, steps: int) -> None:
        self._folder = folder
        self._steps = steps

    def before_training(self, model: Any, _loss: Callable[..., Any] | None) -> None:
        """Sets trainable parameters and random key of step 1; raises LockError if the arms train different tensors."""
        self._set(0, model, {})

    def after_step(self, step: int, model: Any, optimizer: Any, _whole: Mapping[str, Any]) -> None:
        """Sets everything for the next step."""
        if step >= self._steps:
            raise Enough
        self._set(step, model, optimizer.state)

    def _set(self, step: int, model: Any, optimizer_state: Any) -> None:
        given: Any = mx.load(str(_file(self._folder, step)))
        trained = {name: leaf for name, leaf in given.items() if name.startswith(_TRAINED)}
        _check(trained, {name: leaf for name, leaf in _state(model, {}).items() if name != _KEY})
        model.update(tree_unflatten([(name.removeprefix(_TRAINED), leaf) for name, leaf in trained.items()]))
        for name in (name for name in _of_optimizer(optimizer_state) if name in given):
            _assign(optimizer_state, name.removeprefix(_OPTIMIZER), given[name])
        high, low = given[_KEY].tolist()
        mx.random.seed(high << 32 | low)  # the state itself cannot be assigned in mlx 0.32
        mx.eval(model.state, optimizer_state)


def _file(folder: Path, step: int) -> Path:
    return folder / f"{step}.safetensors"


def _state(model: Any, optimizer_state: Any) -> dict[str, mx.array]:
    trained = {_TRAINED + name: leaf for name, leaf in leaves(model.trainable_parameters()).items()}
    key: Any = mx.random.state
    return trained | _of_optimizer(optimizer_state) | {_KEY: key[0]}


def _of_optimizer(state: Any) -> dict[str, mx.array]:
    named = {name: leaf for name, leaf in leaves(state).items() if isinstance(leaf, mx.array) and leaf.size}
    return {_OPTIMIZER + name: leaf for name, leaf in named.items() if not name.startswith(_NOT_STATE)}


def _check(given: Mapping[str, mx.array], own: Mapping[str, mx.array]) -> None:
    for name in sorted(given.keys() | own.keys()):
        one, other = (_kind(each.get(name)) for each in (given, own))
        if one != other:
            found = f"{name.removeprefix(_TRAINED)} is {one} in the reference, {other} in the candidate"
            raise LockError(f"the arms train different tensors: {found}")


def _kind(leaf: mx.array | None) -> str:
    return "missing" if leaf is None else f"{leaf.dtype} {list(leaf.shape)}".removeprefix("mlx.core.")


def _assign(tree: Any, path: str, value: mx.array) -> None:
    """Sets a leaf of nested dicts and lists in place, since compiled steps hold on to the containers."""
    *above, last = path.split(".")
    for part in above:
        tree = tree[int(part) if isinstance(tree, list) else part]
    tree[int(last) if isinstance(tree, list) else last] = value
