"""Observers see more of an arm than its trace has, during a replay. None may change a bit unless that is its task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Enough(BaseException):
    """Nothing more is needed of this arm. Not an `Exception`: trainers ignore those that callbacks raise."""


class Observer:
    """A base class whose methods are called as an arm proceeds; they do nothing."""

    whole = False
    """Whether the tap must keep whole tensors of every step, for `after_step`."""

    def waits_for(self, _step: int) -> bool:
        """Whether `after_step` must be called with this step before the next one begins, even if that evaluates it."""
        return True

    def loaded(self, model: Any, tokenizer: Any) -> None:
        """Called right after loading."""

    def before_training(self, model: Any, loss: Callable[..., Any] | None) -> None:
        """Called before step 1, with the adapters in place and with the loss that the trainer differentiates."""

    def after_step(self, step: int, model: Any, optimizer: Any, whole: Mapping[str, Any]) -> None:
        """Called after an update is evaluated and recorded. May raise `Enough`.

        Args:
            step: 1-based.
            model: the model after the update.
            optimizer: the optimizer after the update.
            whole: if `self.whole`, arrays of this step: `batch`, `logits`, `loss` and `tokens` of the update's last
                pass, and `gradient`, `received` and `params` by parameter name.

        """

    def finished(self, model: Any) -> None:
        """Called when the trainer has returned."""
