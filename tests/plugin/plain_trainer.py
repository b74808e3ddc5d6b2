"""A training library of a few lines, as if it were somebody else's."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import mlx.core as mx
from mlx import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def fit(
    model: Any,
    optimizer: Any,
    batches: Iterable[Any],
    loss: Callable[..., Any],
    steps: int,
    on_step: Callable[[float], None],
) -> None:
    loss_and_gradient = nn.value_and_grad(model, loss)
    model.train()
    for batch in islice(batches, steps):
        (value, _), gradient = loss_and_gradient(model, *batch)
        optimizer.update(model, gradient)
        mx.eval(value, model.state, optimizer.state)
        on_step(value.item())
