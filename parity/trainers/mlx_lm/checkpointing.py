"""mlx-lm's gradient checkpointing, taken back afterwards.

`mlx_lm.tuner.trainer.grad_checkpoint` patches the class of a layer in place: it outlives the run, and
stacks. The reference runs twice in a process, so the class gets its own `__call__` back.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def checkpointed(model: Any, *, on: bool) -> Iterator[None]:
    """Checkpoints the gradient of every layer of the class of `model.layers[0]`, for a time."""
    if not on:
        yield
        return
    from mlx_lm.tuner.trainer import grad_checkpoint

    with restored(model):
        grad_checkpoint(model.layers[0])
        yield


@contextmanager
def restored(model: Any) -> Iterator[None]:
    """Gives the class of `model.layers[0]` its own `__call__` back."""
    kind = type(model.layers[0])
    call = kind.__call__
    try:
        yield
    finally:
        kind.__call__ = call
