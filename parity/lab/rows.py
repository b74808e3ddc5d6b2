"""Writes the steps that were taken: the start with the first, the end after the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from parity.lab.model import effective, idle, named_parameters, parameters
from parity.lab.sketch import sketch
from parity.lab.updates import read, split_like
from parity.trace.values import End, Start, Step

if TYPE_CHECKING:
    from parity.lab.left import Left
    from parity.lab.seen import Given, Seen
    from parity.lab.steps import Steps, Taken
    from parity.trace.file import TraceWriter

ReadBack = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Plain local variables of the function that calls the optimizer → what really runs, by name."""


class TapError(Exception):
    """The tap and the trainer disagree about what a step is."""


class Rows:
    """The rows of one trace. What is taken and not written is read here, which evaluates it if the trainer has not."""

    def __init__(self, writer: TraceWriter, given: Given, seen: Seen, steps: Steps) -> None:
        self._writer = writer
        self._given = given
        self._seen = seen
        self._steps = steps

    def write_all(self, read_back: ReadBack) -> None:
        """Writes every step that was taken and not yet written."""
        while self._steps.waiting:
            self._write(self._steps.waiting.popleft(), {}, read_back)

    def write_before_next(self, read_back: ReadBack) -> None:
        """Writes the same as the next step begins, but for the last step if nobody has to know of it now.

        Reading it would evaluate it, and the trainer may not have done so yet: with `async_eval` it is computed while
        the next step is built.
        """
        last = self._steps.taken
        kept = 0 if any(observer.waits_for(last) for observer in self._given.observers) else 1
        while len(self._steps.waiting) > kept:
            self._write(self._steps.waiting.popleft(), {}, read_back)

    def report(self, reported: Mapping[str, float | None], read_back: ReadBack) -> None:
        """Writes the same, the last of them with what the trainer reports of it.

        What is reported of several steps together belongs to none of them, and is left out.

        Raises:
            TapError: there was no update yet, or a report is no number.

        """
        if not self._steps.taken:
            raise TapError("no update was seen: the trainer uses neither value_and_grad nor Optimizer.apply_gradients")
        while len(self._steps.waiting) > 1:
            self._write(self._steps.waiting.popleft(), {}, read_back)
        if self._steps.waiting:
            taken = self._steps.waiting.popleft()
            own = {name: _number(name, value) for name, value in reported.items() if value is not None}
            lone, self._seen.reported = self._seen.reported == taken.number - 1, taken.number
            self._write(taken, own if lone else {}, read_back)

    def write_end(self, left: Left) -> None:
        """Writes the parameters as the trainer leaves them, and what else it leaves behind."""
        model = self._seen.model
        groups = {} if model is None else parameters(model)
        unseen = dict.fromkeys(("trainable_at_end", "base_at_end"), _NO_MODEL) if model is None else {}
        self._writer.end(
            End(
                base=groups.get("base", {}),
                trainable=groups.get("trainable", {}),
                **vars(left),
                traced=self._seen.traced,
                idle=idle(self._seen.optimizer, groups.get("trainable", {})),
                sketch=() if model is None else sketch(named_parameters(model)[1]),
                unseen=unseen,
            )
        )

    def _write(self, taken: Taken, reported: Mapping[str, float], read_back: ReadBack) -> None:
        passes = taken.columns.passes
        if self._given.passes not in {None, passes}:
            raise TapError(f"update {taken.number} took {passes} passes, the workload asks for {self._given.passes}")
        values: dict[str, Any] = dict.fromkeys(_WHY_UNSEEN) | read(taken.columns, taken.words)
        if taken.apart:
            values |= dict.fromkeys(_OF_PASSES)
        if taken.number == 1:
            self._write_start(passes, values, read_back)
        self._writer.step(Step(**values, step=taken.number, random=taken.random.states(), reported=reported))
        self._seen.written = taken.number
        for observer in self._given.observers:
            observer.after_step(taken.number, self._seen.model, self._seen.optimizer, _whole(taken))

    def _write_start(self, passes: int, values: Mapping[str, Any], read_back: ReadBack) -> None:
        unseen = {name: why for name, why in _WHY_UNSEEN.items() if values[name] is None}
        if self._given.loaded is None:
            unseen["base"] = "nothing tells when the model was loaded"
        start, model = self._seen.start, self._seen.model
        if start is None:
            unseen["trainable"] = _NO_MODEL_YET
        if start is None or (model is None and not start["base"]):
            unseen["base_at_start"] = _NO_MODEL_YET
        shown = {} if model is None else effective(model, self._seen.optimizer)
        shown |= {
            "loss": self._seen.loss_name,
            "accumulation": self._given.passes or passes,
            "batch_shapes": self._seen.batch_shapes,
        }
        shown |= read_back(self._seen.around_update)
        self._writer.start(
            Start(
                base={} if start is None else start["base"],
                trainable={} if start is None else start["trainable"],
                loaded=self._given.loaded or {},
                effective=shown,
                ignored=tuple(self._given.ignored),
                executed=self._given.executed(),
                unseen=unseen,
            )
        )


_OF_PASSES = ("batch", "loss", "tokens", "grad_norm", "gradient", "found")
_NO_MODEL = "no model was seen"
_NO_MODEL_YET = "no model was seen before step 1"
_PASSLESS = "no forward and backward pass of its own was seen"
_WHY_UNSEEN = {
    "found": _PASSLESS,
    "batch": "the loss is given no arrays",
    "tokens": "the loss returns no count of its targets",
    "loss": _PASSLESS,
    "grad_norm": _PASSLESS,
    "gradient": _PASSLESS,
    "lr": "the optimizer has no learning rate",
    "counter": "the optimizer does not count its updates",
}
"""Why a step can lack a value."""


def _whole(taken: Taken) -> dict[str, Any]:
    """What an observer is given of a step: the arrays of its last pass, and tensors by name."""
    if taken.facts is None:
        return {}
    batch = [taken.whole[name] for name in taken.whole if name.startswith("batch/")]
    of_pass = {name: taken.whole[name] for name in ("logits", "loss", "tokens") if name in taken.whole}
    named = zip(("gradient", "received", "params"), taken.facts, strict=True)
    return of_pass | {"batch": batch} | {name: split_like(taken.whole[name], of) for name, of in named}


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
