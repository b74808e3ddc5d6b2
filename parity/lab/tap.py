"""Records the steps of a training from inside its graphs, whatever trains.

The seams are what every trainer on MLX calls: `nn.value_and_grad` or `mx.value_and_grad`, where loss and raw gradient
appear; `apply_gradients` of its optimizer, which `update` calls and which receives the gradient, clipped or not; and
`mx.compile`, through which what was recorded leaves a compiled step (`parity.lab.compiled`). There is no second forward
or backward pass and no change to the trainer. Nothing that the tap does may fail a training: what goes wrong is kept
for `finish`, and the training goes on unseen.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn

from parity.lab.fingerprint import bits, fingerprint, flat_float32, leaves
from parity.lab.left import NOTHING, Left
from parity.lab.losses import batch_of, differentiated, with_logits
from parity.lab.model import model_in, parameters, tensors
from parity.lab.passes import one_pass
from parity.lab.rows import Rows, TapError
from parity.lab.seams import overridden, replaced
from parity.lab.seen import Given, Inside, Seen
from parity.lab.steps import Steps
from parity.lab.updates import like, one_update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from parity.lab.replay.observer import Observer
    from parity.trace.file import TraceWriter
    from parity.trace.values import Executed, Ignored, Tensor


class Tap:
    """Records one arm. Install it around the training, once."""

    def __init__(
        self,
        writer: TraceWriter,
        *,
        loaded: Mapping[str, Tensor] | None,
        passes: int | None = 1,
        weighs_tokens: bool = False,
        ignored: Sequence[Ignored] = (),
        executed: Callable[[], tuple[Executed, ...]] = tuple,
        observers: Sequence[Observer] = (),
        reports: bool = True,
    ) -> None:
        """Creates a tap.

        Args:
            writer: where the rows go.
            loaded: the parameters as they were loaded; None if nobody knows.
            passes: forward passes of an update; None for as many as there are.
            weighs_tokens: whether the trainer accumulates the mean over tokens, or over passes.
            ignored: settings that the library ignored; read after step 1.
            executed: called once, after step 1; returns which code ran.
            observers: told of the training as it goes on.
            reports: whether `end_of_step` is called; if not, a row is written as soon as the trainer evaluates.

        """
        self.read_back: Callable[[Mapping[str, Any]], dict[str, Any]] = _nothing
        """Called once, after step 1, with the plain local variables of the function that calls the optimizer:
        returns what really runs, by name."""
        self._writer = writer
        self._given = Given(
            loaded=loaded, passes=passes, ignored=ignored, executed=executed, observers=observers, reports=reports
        )
        self._seen = Seen()
        self._inside = Inside()
        self._steps = Steps(self._before_compiled, self._safely, weighs_tokens=weighs_tokens)
        self._rows = Rows(writer, self._given, self._seen, self._steps)
        self._installed = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Patches the seams within the context, and restores them whatever happens."""
        functions = {
            nn.value_and_grad: self._of_model(nn.value_and_grad),
            mx.value_and_grad: self._of_function(mx.value_and_grad),
            mx.compile: self._steps.compiled.compiling(mx.compile),
            mx.eval: self._evaluating(mx.eval),
            mx.async_eval: self._starting(mx.async_eval),
        }
        with replaced(functions), overridden(optim.Optimizer, "apply_gradients", self._applying):
            self._installed = True
            try:
                yield
            finally:
                self._installed = False

    def end_of_step(self, reported: Mapping[str, float | None]) -> None:
        """Writes the row of the update that the trainer has just evaluated.

        Never raises, since trainers ignore what their callbacks raise: `finish` raises the error. What is reported of
        several steps together belongs to none of them, and is left out.

        Args:
            reported: what the trainer itself reports about the step; `None` for what it does not report.

        """
        self._safely(self._rows.report, reported, self.read_back)

    def finish(self, steps: int | None = None, left: Left = NOTHING) -> None:
        """Checks that every step was seen, and records the parameters as the trainer leaves them.

        Args:
            steps: as many as the workload asks for; None if nobody asked.
            left: what the arm leaves behind.

        Raises:
            TapError: fewer or more steps than the workload asks for, or something that the tap could not follow.

        """
        self._safely(self._rows.write_all, self.read_back)
        if self._seen.error is not None:
            raise self._seen.error
        if steps is not None and self._seen.written != steps:
            raise TapError(f"the trainer took {self._seen.written} of {steps} steps")
        for observer in self._given.observers:
            observer.finished(self._seen.model)
        self._rows.write_end(left)

    def _safely(self, see: Callable[..., Any], *args: Any) -> Any:
        """Looks, unless something has gone wrong before; keeps what goes wrong from the training."""
        if self._seen.error is None:
            try:
                return see(*args)
            except Exception as error:  # noqa: BLE001 - kept for `finish`
                self._seen.error = error
        return None

    @property
    def _looks(self) -> bool:
        return self._installed and self._seen.error is None

    # what the seams call

    def _of_model(self, own: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(own)
        def value_and_grad(model: Any, fn: Callable[..., Any]) -> Callable[..., Any]:
            if not self._looks:
                made: Callable[..., Any] = own(model, fn)
                return made
            if self._seen.loss is None:
                self._seen.model, self._seen.loss = model, fn
            self._inside.made = True
            try:
                made = own(model, with_logits(model, fn) if self._given.keeps_whole else fn)
            finally:
                self._inside.made = False
            return self._passing(
                made, fn, lambda args, kwargs: (model.trainable_parameters(), [*args, kwargs]), model=model
            )

        return value_and_grad

    def _of_function(self, own: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(own)
        def value_and_grad(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
            made: Callable[..., Any] = own(fun, *args, **kwargs)
            if self._inside.made or not self._looks:
                return made
            return self._passing(made, fun, differentiated(*args, **kwargs))

        return value_and_grad

    def _passing(
        self,
        own: Callable[..., Any],
        loss: Callable[..., Any],
        split: Callable[[Any, Any], tuple[Any, Any]],
        model: Any = None,
    ) -> Callable[..., Any]:
        """A gradient function whose passes are seen.

        Args:
            own: as MLX made it.
            loss: what it differentiates.
            split: its arguments → what it is differentiated by, and everything else.
            model: whose parameters these are, if it is known.

        """
        whole = model is not None and self._given.keeps_whole

        @wraps(own)
        def passed(*args: Any, **kwargs: Any) -> Any:
            if self._inside.passing or self._inside.updating or not self._looks:
                value, gradient = own(*args, **kwargs)
                return value[1] if whole else value, gradient
            split_ = self._safely(split, args, kwargs)
            found = self._safely(self._before_pass, model, split_)
            self._inside.passing = True
            try:
                value, gradient = own(*args, **kwargs)
            finally:
                self._inside.passing = False
            logits = None
            if whole:
                _, value, logits = value
            self._safely(self._see_pass, loss, split_, value, gradient, found, logits)
            return value, gradient

        return passed

    def _applying(self, own: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(own)
        def apply_gradients(optimizer: Any, gradients: Any, parameters: Any) -> Any:
            if self._inside.passing or self._inside.updating or not self._looks:
                return own(optimizer, gradients, parameters)
            if self.read_back is not _nothing:
                self._seen.around_update = _around()
            self._inside.updating = True
            try:
                updated = own(optimizer, gradients, parameters)
            finally:
                self._inside.updating = False
            self._safely(self._see_update, optimizer, gradients, parameters, updated)
            return updated

        return apply_gradients

    def _evaluating(self, own: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(own)
        def evaluate(*args: Any) -> None:
            own(*args)
            if self._looks and not self._given.reports and self._steps.waiting and not self._steps.compiled.frames:
                self._safely(self._rows.write_all, self.read_back)

        return evaluate

    def _starting(self, own: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(own)
        def async_eval(*args: Any) -> None:
            own(*args)
            if self._looks and self._steps.waiting and not self._steps.compiled.frames:
                self._safely(own, self._steps.waiting[-1].words)

        return async_eval

    # what is seen

    def _before_compiled(self, outputs: Any) -> None:
        """Before a function is called that may take a step: what it captures tells of a model that it changes."""
        self._rows.write_before_next(self.read_back)
        if not self._steps.seen and outputs is not None and self._installed:
            model = self._seen.model if self._seen.model is not None else model_in(outputs)
            if model is not None:
                self._see_start(model, parameters(model))

    def _before_pass(self, model: Any, split: tuple[Any, Any]) -> mx.array | None:
        trained = leaves(split[0])
        if model is not None:
            self._seen.model = model
        if not self._steps.compiled.frames:
            self._rows.write_before_next(self.read_back)
            if not self._steps.seen:
                alone = model is None
                self._see_start(model, {"base": {}, "trainable": tensors(trained)} if alone else parameters(model))
        return None if self._steps.open else fingerprint(bits(trained, flat_float32(trained)))

    def _see_start(self, model: Any, start: dict[str, dict[str, Tensor]]) -> None:
        self._seen.model, self._seen.start = model, start
        if not self._seen.told:
            self._seen.told = True
            for observer in self._given.observers:
                observer.before_training(model, self._seen.loss)

    def _see_pass(
        self, loss: Any, split: tuple[Any, Any], value: Any, gradient: Any, found: mx.array | None, logits: Any
    ) -> None:
        batch, named = batch_of(split[1]), leaves(gradient)
        self._seen.loss_name = f"{loss.__module__}.{getattr(loss, '__qualname__', type(loss).__name__)}"
        self._seen.batch_shapes = [list(leaf.shape) for leaf in batch]
        whole: dict[str, mx.array] = {}
        if logits is not None:
            self._seen.gradient = like(named)
            whole = {"logits": logits} | {f"batch/{number}": array for number, array in enumerate(batch)}
        one = one_pass(value, named, batch, found=found, whole=whole)
        if logits is not None:
            whole |= {"loss": one.loss} | ({} if one.tokens is None else {"tokens": one.tokens})
        self._steps.passed(one)

    def _see_update(self, optimizer: Any, gradients: Any, parameters: Any, updated: Any) -> None:
        self._seen.traced += 1
        self._seen.optimizer = optimizer
        if self._seen.model is None and isinstance(parameters, nn.Module):
            self._seen.model = parameters
        whole = self._given.keeps_whole
        update = one_update(optimizer, gradients, updated, self._steps.open, whole=whole)
        named = (self._seen.gradient, like(leaves(gradients)), like(leaves(updated))) if whole else None
        self._steps.updated(update, named)


def _around() -> dict[str, Any]:
    """The local variables of the function that calls the optimizer, if they are plain: they keep no object alive."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("mlx.optimizers"):
        frame = frame.f_back
    return {name: value for name, value in frame.f_locals.items() if isinstance(value, bool | int | float | str | None)}


def _nothing(_around: Mapping[str, Any]) -> dict[str, Any]:
    return {}
