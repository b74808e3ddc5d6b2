"""In-graph capture of a training step, the same for every trainer.

Trainers on MLX compile their step with `inputs=outputs=[model.state, optimizer.state, ...]`, captured
by reference (mlx-lm 0.30 to 0.32 `tuner/trainer.py`, and trainers that follow it). So an entry that is
written into `optimizer.state` while the step is traced comes out of every compiled step: no second
forward or backward pass, no change to the trainer, and the same code serves an eager step.

Two seams are enough. `mlx.nn.value_and_grad` is where loss and raw gradient appear;
`mlx.optimizers.Optimizer.update` is what receives the gradient, clipped or not.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn

from parity.lab.fingerprint import bits, fingerprint, flat_float32, hexadecimal, leaves, norm
from parity.lab.generators import states
from parity.lab.left import NOTHING, Left
from parity.lab.model import counting, effective, named_parameters, parameters
from parity.lab.passes import added, mean_gradient, one_pass, split_like, with_logits
from parity.lab.seams import replaced
from parity.lab.seen import Given, Seen
from parity.lab.sketch import sketch
from parity.trace.values import End, Executed, Ignored, Start, Step, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from parity.lab.replay.observer import Observer
    from parity.trace.file import TraceWriter

_ENTRY = "parity_tap"
_PASSES = "parity_passes"
_WHOLE = "parity_whole"


class TapError(Exception):
    """The tap and the trainer disagree about what a step is."""


class Tap:
    """Records one arm. Install it around `Provider.train`, once."""

    def __init__(
        self,
        writer: TraceWriter,
        *,
        loaded: Mapping[str, Tensor],
        passes: int = 1,
        weighs_tokens: bool = False,
        ignored: Sequence[Ignored] = (),
        executed: Callable[[], tuple[Executed, ...]] = tuple,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Creates a tap.

        Args:
            writer: where the rows go.
            loaded: the parameters as they were loaded.
            passes: forward passes of an update.
            weighs_tokens: whether the trainer accumulates the mean over tokens, or over passes.
            ignored: settings that the library ignored; read after step 1.
            executed: called once, after step 1; returns which code ran.
            observers: the observers of a replay.

        """
        self.read_back: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda _: {}
        """Called once, after step 1, with the plain local variables of the function that calls
        `optimizer.update`: returns what really runs, by name."""
        self._writer = writer
        self._given = Given(
            loaded=loaded,
            passes=passes,
            weighs_tokens=weighs_tokens,
            ignored=ignored,
            executed=executed,
            observers=observers,
        )
        self._seen = Seen()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Patches the seams within the context, and restores them whatever happens."""
        value_and_grad, update, make = nn.value_and_grad, optim.Optimizer.update, optim.Optimizer.__init__

        def tapped_value_and_grad(model: Any, loss: Callable[..., Any]) -> Callable[..., Any]:
            self._before_training(model, loss)
            self._seen.loss_name = f"{loss.__module__}.{getattr(loss, '__qualname__', type(loss).__name__)}"
            return self._see_pass(value_and_grad(model, with_logits(model, loss) if self._given.keeps_whole else loss))

        def tapped_update(optimizer: Any, model: Any, gradients: Any) -> None:
            self._seen.around_update = _plain(sys._getframe(1).f_locals)
            update(optimizer, model, gradients)
            self._see_update(optimizer, model, gradients)

        def tapped_make(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            make(optimizer, *args, **kwargs)
            self._seen.made.append(optimizer)

        optim.Optimizer.update = tapped_update
        optim.Optimizer.__init__ = tapped_make
        try:
            with replaced(value_and_grad, tapped_value_and_grad):
                yield
        finally:
            nn.value_and_grad = value_and_grad
            optim.Optimizer.update = update
            optim.Optimizer.__init__ = make

    def end_of_step(self, reported: Mapping[str, float | None]) -> None:
        """Writes the row of the update that the trainer has just evaluated.

        Never raises, since trainers ignore what their callbacks raise: `finish` raises the error.

        Args:
            reported: what the trainer itself reports about the step; `None` for what it does not report.

        """
        try:
            self._record(reported)
        except Exception as error:  # noqa: BLE001 - kept for `finish`
            self._seen.error = self._seen.error or error

    def finish(self, steps: int, left: Left = NOTHING) -> None:
        """Checks that every step was seen, and records the parameters as the trainer leaves them.

        Args:
            steps: as many as the workload asks for.
            left: what the arm leaves behind.

        Raises:
            TapError: fewer or more steps than the workload asks for, or a step that the optimizer counts differently.

        """
        if self._seen.error is not None:
            raise self._seen.error
        if self._seen.steps != steps:
            raise TapError(f"the trainer took {self._seen.steps} of {steps} steps")
        for observer in self._given.observers:
            observer.finished(self._seen.model)
        tensors = parameters(self._seen.model)
        ended = sketch(named_parameters(self._seen.model)[1])
        self._writer.end(
            End(
                base=tensors["base"],
                trainable=tensors["trainable"],
                **vars(left),
                traced=self._seen.traced,
                sketch=ended,
            )
        )

    def _before_training(self, model: Any, loss: Callable[..., Any]) -> None:
        if self._seen.start is None:
            self._seen.model = model
            self._seen.start = parameters(model)
            for observer in self._given.observers:
                observer.before_training(model, loss)

    def _see_pass(self, value_and_grad: Callable[..., Any]) -> Callable[..., Any]:
        def tapped(*args: Any, **kwargs: Any) -> Any:
            value, gradient = value_and_grad(*args, **kwargs)
            if not isinstance(value, tuple | list) or len(value) < 2:
                raise TapError("the trainer's loss must return (loss, tokens), as mlx-lm's default_loss does")
            given = leaves([list(args[1:]), kwargs]).values()
            batch = [leaf for leaf in given if isinstance(leaf, mx.array)]
            if not batch:
                raise TapError("no batch was seen among the arguments of the trainer's loss")
            self._seen.batch_shapes = [list(leaf.shape) for leaf in batch]
            if self._given.keeps_whole:
                *value, logits = value
                self._seen.last_pass = {"batch": batch, "logits": logits, "loss": value[0], "tokens": value[1]}
                self._seen.last_names = leaves(gradient)
            self._add_pass(value, gradient, batch)
            return value, gradient

        return tapped

    def _add_pass(self, value: Any, gradient: Any, batch: list[mx.array]) -> None:
        """With accumulation, the earlier passes of an update also leave the compiled step in the optimizer's state."""
        if self._given.passes == 1:
            self._seen.passes = one_pass(value, gradient, batch, start=mx.array(0, mx.uint32))
            return
        if not self._seen.made:
            raise TapError("with accumulation, the optimizer must be made by the trainer while it trains")
        state = counting(self._seen.made[-1]).state
        before = state.get(_PASSES)
        start = mx.array(0, mx.uint32) if before is None else before["words"]
        now = one_pass(value, gradient, batch, start=start)
        self._seen.passes = added(before, now, weighs_tokens=self._given.weighs_tokens)
        state[_PASSES] = vars(self._seen.passes)

    def _see_update(self, optimizer: Any, model: Any, gradients: Any) -> None:
        passes, self._seen.passes = self._seen.passes, None
        if passes is None:
            raise TapError(
                "an update without a gradient of its own: are there two optimizers, or two updates per step?"
            )
        self._seen.traced += 1
        self._seen.optimizer = optimizer
        first = counting(optimizer)
        if self._given.passes == 1:
            loss, flat = passes.loss, passes.gradient
        else:
            loss, flat = passes.mean_loss(), mean_gradient(passes, weighs_tokens=self._given.weighs_tokens)
            first.state[_PASSES] = {name: mx.zeros_like(value) for name, value in vars(passes).items()}
        received, params = leaves(gradients), leaves(model.trainable_parameters())
        flat_received = flat_float32(received)
        norms = [norm(flat), norm(flat_received), first.learning_rate.astype(mx.float32)]
        if self._given.keeps_whole:
            raw = split_like(flat, self._seen.last_names)
            first.state[_WHOLE] = self._seen.last_pass | {"gradient": raw, "received": received, "params": params}
        first.state[_ENTRY] = {
            "floats": mx.stack([loss, *norms]),
            "integers": mx.concatenate(
                [
                    mx.stack([passes.tokens, passes.count, first.step.astype(mx.uint32)]),
                    passes.batch,
                    fingerprint(mx.concatenate([passes.structure, flat.view(mx.uint32)])),
                    fingerprint(bits(received, flat_received)),
                    fingerprint(bits(params, flat_float32(params))),
                ]
            ),
        }

    def _record(self, reported: Mapping[str, float | None]) -> None:
        seen = None if self._seen.optimizer is None else counting(self._seen.optimizer).state.get(_ENTRY)
        if seen is None:
            raise TapError("no update was seen: the trainer uses neither nn.value_and_grad nor Optimizer.update")
        loss, grad_norm, clipped_norm, lr = seen["floats"].tolist()
        tokens, passes, step, *prints = seen["integers"].tolist()
        batch, gradient, clipped, params = (hexadecimal(prints[i : i + 2]) for i in range(0, 8, 2))
        self._seen.steps += 1
        if step != self._seen.steps:
            raise TapError(f"row {self._seen.steps} belongs to update {step} of the optimizer: a step was missed")
        if passes != self._given.passes:
            raise TapError(f"update {step} took {passes} passes, the workload asks for {self._given.passes}")
        if self._seen.steps == 1:
            self._record_start()
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
                random=states(),
                reported={name: _number(name, value) for name, value in reported.items() if value is not None},
            )
        )
        for observer in self._given.observers:
            observer.after_step(
                step, self._seen.model, self._seen.optimizer, counting(self._seen.optimizer).state.get(_WHOLE, {})
            )

    def _record_start(self) -> None:
        assert self._seen.start is not None
        shown = effective(self._seen.model, self._seen.optimizer) | {
            "loss": self._seen.loss_name,
            "accumulation": self._given.passes,
            "batch_shapes": self._seen.batch_shapes,
        }
        shown |= self.read_back(self._seen.around_update)
        self._writer.start(
            Start(
                **self._seen.start,
                loaded=self._given.loaded,
                effective=shown,
                ignored=tuple(self._given.ignored),
                executed=self._given.executed(),
            )
        )


def _number(name: str, value: object) -> float:
    """What a trainer reports, which may be of any type."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise TapError(
        f"the trainer reports a {name} of type {type(value).__name__}; it must be a number that a float can hold"
    )


def _plain(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Only plain values, which keep no other object alive."""
    return {name: value for name, value in variables.items() if isinstance(value, bool | int | float | str | None)}
