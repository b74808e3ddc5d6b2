"""mlx-lm's gradient checkpointing, undone after training.

`mlx_lm.tuner.trainer.grad_checkpoint` patches the class of a layer in place. The patch stays after training,
and further patches stack. The reference is trained twice in a process, so the class's own `__call__` is restored.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def checkpointed(model: Any, *, on: bool) -> Iterator[None]:
    """Checkpoints the gradient of every layer of the class of `model.layers[0]`, within the context."""
    if not on:
        yield
        return
    from mlx_lm.tuner.trainer import grad_checkpoint

    with restored(model):
        grad_checkpoint(model.layers[0])
        yield


@contextmanager
def restored(model: Any) -> Iterator[None]:
    """Restores the `__call__` of the class of `model.layers[0]` at the end of the context."""
    kind = type(model.layers[0])
    call = kind.__call__
    try:
        yield
    finally:
        kind.__call__ = call
