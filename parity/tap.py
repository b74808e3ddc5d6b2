"""In-graph capture of a training step, the same for every trainer.

Trainers on MLX compile their step with `inputs=outputs=[model.state, optimizer.state, ...]`, captured
by reference (mlx-lm 0.30 to 0.32 `tuner/trainer.py`, and whoever follows it). So an entry that is
written into `optimizer.state` while the step is traced comes out of every compiled step: no second
forward or backward pass, no change to the trainer, and the same code serves an eager step.

Two seams are enough. `mlx.nn.value_and_grad` is where loss and raw gradient appear;
`mlx.optimizers.Optimizer.update` is what receives the gradient, clipped or not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn

from parity.fingerprint import fingerprint, flat_float32, hexadecimal, leaves, structure, tensor, words
from parity.trace import End, Start, Step, Tensor, TraceWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ENTRY = "parity_tap"


class TapError(Exception):
    """The tap and the trainer disagree about what a step is."""


class Tap:
    """Records one arm. Install it around `Provider.train`, once."""

    def __init__(self, writer: TraceWriter) -> None:
        self._writer = writer
        self._start: dict[str, dict[str, Tensor]] | None = None
        self._batch_shape: list[list[int]] = []
        self._forward: tuple[mx.array, mx.array] | None = None
        self._optimizer: Any = None
        self._steps = 0
        self._model: Any = None
        self._traced = 0
        self._error: Exception | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Puts the two seams in, and takes them out again whatever happens."""
        value_and_grad, update = nn.value_and_grad, optim.Optimizer.update

        def tapped_value_and_grad(model: Any, loss: Callable[..., Any]) -> Callable[..., Any]:
            self._before_training(model)
            return self._see_forward(value_and_grad(model, loss))

        def tapped_update(optimizer: Any, model: Any, gradients: Any) -> None:
            update(optimizer, model, gradients)
            self._see_update(optimizer, model, gradients)

        nn.value_and_grad = tapped_value_and_grad
        optim.Optimizer.update = tapped_update
        try:
            yield
        finally:
            nn.value_and_grad = value_and_grad
            optim.Optimizer.update = update

    def end_of_step(self, reported: Mapping[str, float | None]) -> None:
        """Writes the row of the update that the trainer has just evaluated.

        Never raises, since trainers swallow what their callbacks raise: `finish` does it.

        Args:
            reported: what the trainer itself says of the step; `None` where it says nothing.

        """
        try:
            self._record(reported)
        except Exception as error:  # noqa: BLE001 - kept for `finish`
            self._error = self._error or error

    def finish(self, steps: int) -> None:
        """Checks that every step was seen, and records the parameters as the trainer leaves them.

        Raises:
            TapError: fewer or more steps than the workload asks for, or an optimizer out of step.

        """
        if self._error is not None:
            raise self._error
        if self._steps != steps:
            raise TapError(f"the trainer took {self._steps} of {steps} steps")
        self._writer.end(End(**_parameters(self._model), traced=self._traced))

    def _before_training(self, model: Any) -> None:
        if self._start is None:
            self._model = model
            self._start = _parameters(model)

    def _see_forward(self, value_and_grad: Callable[..., Any]) -> Callable[..., Any]:
        def tapped(*args: Any, **kwargs: Any) -> Any:
            value, gradient = value_and_grad(*args, **kwargs)
            if not isinstance(value, tuple | list) or len(value) < 2:
                raise TapError("the trainer's loss must return (loss, tokens), as mlx-lm's default_loss does")
            loss, tokens = value[0], value[1]
            given = leaves([list(args[1:]), kwargs]).values()
            batch = [leaf for leaf in given if isinstance(leaf, mx.array)]
            if not batch:
                raise TapError("no batch was seen among the arguments of the trainer's loss")
            self._batch_shape = [list(leaf.shape) for leaf in batch]
            named = leaves(gradient)
            flat = flat_float32(named)
            self._forward = (
                mx.stack([loss.astype(mx.float32), _norm(flat)]),
                mx.concatenate(
                    [
                        tokens.astype(mx.uint32).reshape(1),
                        fingerprint(words(batch)),
                        fingerprint(_bits(named, flat)),
                    ]
                ),
            )
            return value, gradient

        return tapped

    def _see_update(self, optimizer: Any, model: Any, gradients: Any) -> None:
        if self._forward is None:
            raise TapError("an update without a gradient of its own: two optimizers, or two updates a step?")
        self._traced += 1
        floats, integers = self._forward
        self._forward = None
        self._optimizer = optimizer
        received, params = leaves(gradients), leaves(model.trainable_parameters())
        flat = flat_float32(received)
        optimizer.state[_ENTRY] = {
            "floats": mx.concatenate([floats, mx.stack([_norm(flat), optimizer.learning_rate.astype(mx.float32)])]),
            "integers": mx.concatenate(
                [
                    integers,
                    fingerprint(_bits(received, flat)),
                    fingerprint(_bits(params, flat_float32(params))),
                    optimizer.step.astype(mx.uint32).reshape(1),
                ]
            ),
        }

    def _record(self, reported: Mapping[str, float | None]) -> None:
        seen = None if self._optimizer is None else self._optimizer.state.get(_ENTRY)
        if seen is None:
            raise TapError("no update was seen: the trainer uses neither nn.value_and_grad nor Optimizer.update")
        loss, grad_norm, clipped_norm, lr = seen["floats"].tolist()
        tokens, *prints, step = seen["integers"].tolist()
        batch, gradient, clipped, params = (hexadecimal(prints[i : i + 2]) for i in range(0, 8, 2))
        self._steps += 1
        if step != self._steps:
            raise TapError(f"row {self._steps} belongs to update {step} of the optimizer: a step was missed")
        if self._steps == 1:
            assert self._start is not None
            self._writer.start(Start(**self._start, effective=self._effective()))
        self._writer.step(
            Step(
                step=step,
                batch=batch,
                loss=loss,
                tokens=tokens,
                grad_norm=grad_norm,
                gradient=gradient,
                clipped_norm=clipped_norm,
                clipped=clipped,
                lr=lr,
                params=params,
                reported={name: value for name, value in reported.items() if value is not None},
            )
        )

    def _effective(self) -> dict[str, Any]:
        """Read from the live optimizer, not from what was asked for."""
        plain = {
            name: value
            for name, value in vars(self._optimizer).items()
            if not name.startswith("_") and isinstance(value, bool | int | float | str | list | tuple)
        }
        scheduled = sorted(getattr(self._optimizer, "_schedulers", {}))
        return {
            "optimizer": {"class": type(self._optimizer).__name__, **plain, "scheduled": scheduled},
            "batch_shapes": self._batch_shape,
        }


def _parameters(model: Any) -> dict[str, dict[str, Tensor]]:
    """Frozen and trainable parameters of a live model, by canonical name."""
    everything, trainable = leaves(model.parameters()), leaves(model.trainable_parameters())
    frozen = {name: leaf for name, leaf in everything.items() if name not in trainable}
    return {
        "base": {_unwired(name, everything): tensor(leaf) for name, leaf in frozen.items()},
        "trainable": {name: tensor(leaf) for name, leaf in trainable.items()},
    }


def _norm(flat: mx.array) -> mx.array:
    return mx.sqrt(mx.square(flat).sum())


def _bits(named: Mapping[str, mx.array], flat: mx.array) -> mx.array:
    return mx.concatenate([structure(named), flat.view(mx.uint32)])


def _unwired(name: str, everything: Mapping[str, mx.array]) -> str:
    """A LoRA layer keeps its base under `.linear` or `.embedding`: the name from before wiring."""
    owner, _, leaf = name.rpartition(".")
    module, _, inner = owner.rpartition(".")
    wired = inner in {"linear", "embedding"} and f"{module}.lora_a" in everything
    return f"{module}.{leaf}" if wired else name
