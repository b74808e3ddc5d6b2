"""Keeps the whole tensors of an arm's steps, during a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np

from parity.lab.fingerprint import leaves
from parity.lab.losses import loss_of, returning
from parity.lab.model import named_parameters
from parity.lab.replay.contrast import Kept, Snapshot
from parity.lab.replay.observer import Enough, Observer
from parity.lab.replay.supervised import supervised
from parity.metrics import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from parity.lab.replay.supervised import Supervised


class Keeper(Observer):
    """Keeps the steps that it is asked for."""

    def __init__(self, steps: Collection[int], names: Collection[str], *, stop: bool) -> None:
        """Creates a keeper.

        Args:
            steps: which steps; 0 is before training, a number above the last step is after training.
            names: the parameters that are kept before and after training.
            stop: whether the arm ends after the last of these steps; it takes at least step 1, to compare that
                with the recorded one.

        """
        self.whole = any(step > 0 for step in steps)
        self.snapshots: dict[int, Snapshot] = {}
        """By step."""
        self.tokenizer: Any = None
        self._steps = steps
        self._names = names
        self._stop = stop
        self._loaded: dict[str, Kept] = {}
        self._loss: Callable[..., Any] | None = None

    def loaded(self, model: Any, tokenizer: Any) -> None:
        """Keeps the parameters as they were loaded."""
        self.tokenizer = tokenizer
        self._loaded = self._chosen(leaves(model.parameters()))

    def before_training(self, model: Any, loss: Callable[..., Any] | None) -> None:
        """Keeps the parameters as step 1 starts, and the loss, to differentiate it later."""
        self._loss = loss
        if 0 not in self._steps:
            return
        base, trainable = named_parameters(model)
        self.snapshots[0] = Snapshot(
            groups=(
                (Stage.LOAD, "weights as they were loaded", self._loaded),
                (Stage.ADAPT, "trainable parameters", self._chosen(trainable)),
                (Stage.FORWARD, "frozen weights as step 1 starts", self._chosen(base)),
            )
        )

    def after_step(self, step: int, model: Any, optimizer: Any, whole: Mapping[str, Any]) -> None:
        """Keeps the arrays that the tap has of this step."""
        if step in self._steps:
            self._keep(step, model, optimizer, whole)
        if self._stop and step >= max(self._steps):
            raise Enough

    def _keep(self, step: int, model: Any, optimizer: Any, whole: Mapping[str, Any]) -> None:
        batch = whole["batch"]
        logits = whole["logits"]
        logits = logits[:, : batch[0].shape[1] - 1] if logits.ndim == 3 else logits
        self.snapshots[step] = Snapshot(
            groups=(
                (Stage.FORWARD, "logits", {"logits": _kept(logits)} if logits.size else {}),
                (Stage.GRADIENT, "gradient", _all_kept(whole["gradient"])),
                (Stage.CLIP, "gradient that the optimizer receives", _all_kept(whole["received"])),
                (Stage.UPDATE, "parameters after the update", _all_kept(whole["params"])),
            ),
            batch=tuple(np.array(array.astype(mx.int32)).astype(np.int64) for array in batch),
            supervised=self._supervised(model, whole),
            rate=float(optimizer.learning_rate.item()),
        )

    def _chosen(self, named: Mapping[str, mx.array]) -> dict[str, Kept]:
        return _all_kept({name: leaf for name, leaf in named.items() if name in self._names})

    def finished(self, model: Any) -> None:
        """Keeps the parameters as the trainer leaves them."""
        if max(self._steps) in self.snapshots:
            return
        base, trainable = named_parameters(model)
        self.snapshots[max(self._steps)] = Snapshot(
            groups=((Stage.UPDATE, "parameters as the trainer leaves them", self._chosen(base | trainable)),)
        )

    def _supervised(self, model: Any, whole: Mapping[str, Any]) -> Supervised | None:
        """Differentiates the loss by the logits that the step has computed."""
        batch, logits, loss = whole["batch"], whole["logits"], self._loss
        if logits.ndim != 3 or loss is None:
            return None

        def of_logits(given: mx.array) -> mx.array:
            with returning(model, given):
                return loss_of(loss(model, *batch))

        exact = logits.astype(mx.float32)
        slope = mx.grad(of_logits)(exact)
        width = batch[0].shape[1] - 1  # the last position has no next token
        return supervised(
            whole["loss"].item(), int(whole["tokens"].item()), np.array(exact[:, :width]), np.array(slope[:, :width])
        )


def _all_kept(named: Mapping[str, mx.array]) -> dict[str, Kept]:
    return {name: _kept(leaf) for name, leaf in named.items()}


def _kept(array: mx.array) -> Kept:
    values: np.ndarray[Any, np.dtype[np.float32]] = np.array(array.astype(mx.float32))
    return Kept(values=values, dtype=str(array.dtype).removeprefix("mlx.core."))
