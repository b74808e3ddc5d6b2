"""Who looks at an arm closer than its trace does, while it is replayed. None of them may change a bit unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Enough(BaseException):
    """Nothing more is needed of this arm. No `Exception`, since trainers ignore what their callbacks raise."""


class Observer:
    """Told of an arm as it goes; looks at nothing by itself."""

    whole = False
    """Whether the tap must keep whole tensors of every step, for `after_step`."""

    def loaded(self, model: Any, tokenizer: Any) -> None:
        """Right after loading."""

    def before_training(self, model: Any, loss: Callable[..., Any]) -> None:
        """Before step 1; adapters are wired, and this is the loss that the trainer differentiates."""

    def after_step(self, step: int, model: Any, optimizer: Any, whole: Mapping[str, Any]) -> None:
        """After an update is evaluated and recorded. May raise `Enough`.

        Args:
            step: 1-based.
            model: as the update has left it.
            optimizer: the same.
            whole: with `whole`, arrays of this step: of the update's last pass `batch`, `logits`, `loss` and `tokens`,
                and by name `gradient`, `received` and `params`.

        """

    def finished(self, model: Any) -> None:
        """The trainer has returned."""
