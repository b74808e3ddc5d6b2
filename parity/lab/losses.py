"""What a loss is given and what it returns, whatever its trainer makes of it: batch, loss, tokens, logits."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np
from mlx import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def loss_of(value: Any) -> mx.array:
    """The loss: the first array of size 1 in what a loss function returned, a scalar or a tree.

    Raises:
        ValueError: there is none.

    """
    for each in _arrays(value):
        if each.size == 1:
            return each
    raise ValueError("the loss function returned no array of size 1")


def tokens_of(value: Any) -> mx.array | None:
    """How many targets a loss function says that it supervised; None if it does not say.

    It is the first integer of size 1 after the loss, or, where there is none, a float of size 1 that comes second, as
    a sum over a mask of floats does: whether that one is whole shows when it is read.
    """
    loss = loss_of(value)
    others = [each for each in _arrays(value) if each is not loss and each.size == 1]
    whole = next((each for each in others if mx.issubdtype(each.dtype, mx.integer)), None)
    if whole is not None:
        return whole
    second = value[1] if isinstance(value, tuple | list) and len(value) > 1 else None
    return second if isinstance(second, mx.array) and second.size == 1 else None


def batch_of(arguments: Any) -> list[mx.array]:
    """The arrays that a loss function was given, models left out; dicts in the order of their keys."""
    return list(_arrays(arguments))


def _arrays(tree: Any) -> Iterator[mx.array]:
    if isinstance(tree, mx.array):
        yield tree
    elif isinstance(tree, np.ndarray) and tree.dtype.kind in "biuf":
        yield mx.array(tree)
    elif isinstance(tree, dict) and not isinstance(tree, nn.Module):
        for name in sorted(tree, key=str):
            yield from _arrays(tree[name])
    elif isinstance(tree, tuple | list):
        for each in tree:
            yield from _arrays(each)


def differentiated(argnums: Any = None, argnames: Any = None) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Arguments of a function → those that `mx.value_and_grad` differentiates it by, and the others."""
    names = [argnames] if isinstance(argnames, str) else list(argnames or ())
    numbers = [argnums] if isinstance(argnums, int) else list(argnums or ([] if names else [0]))

    def split(args: Any, kwargs: Any) -> tuple[Any, Any]:
        by_place = [args[number] for number in numbers]
        by_name = {name: kwargs[name] for name in names if name in kwargs}
        places = {number % len(args) for number in numbers}
        others = [each for number, each in enumerate(args) if number not in places]
        rest = {name: value for name, value in kwargs.items() if name not in by_name}
        single = len(by_place) == 1 and not by_name
        return by_place[0] if single else [by_place, by_name], [others, rest]

    return split


def with_logits(model: Any, loss: Callable[..., Any]) -> Callable[..., Any]:
    """The loss, extended to return what it returned as a second, and the model's output as a third value.

    The output is an empty array if the model was not called.
    """

    def seen(*args: Any, **kwargs: Any) -> Any:
        calls: list[mx.array] = []

        def spy(call: Callable[..., Any], *given: Any, **more: Any) -> Any:
            out = call(*given, **more)
            calls.extend([out] if isinstance(out, mx.array) else [])
            return out

        with _called(model, spy):
            value = loss(*args, **kwargs)
        return loss_of(value), value, calls[-1] if calls else mx.zeros(0)

    return seen


@contextmanager
def returning(model: Any, logits: mx.array) -> Iterator[None]:
    """Within the context, the model returns these logits whatever it is called with."""
    with _called(model, lambda *_, **__: logits):
        yield


@contextmanager
def _called(model: Any, instead: Callable[..., Any]) -> Iterator[None]:
    """Sends calls of this one model to `instead`, with the original call as first argument.

    Patches the class, since Python looks `__call__` up there.
    """
    kind = type(model)
    call = kind.__call__

    def switch(called: Any, *args: Any, **kwargs: Any) -> Any:
        if called is model:
            return instead(partial(call, called), *args, **kwargs)
        return call(called, *args, **kwargs)

    kind.__call__ = switch
    try:
        yield
    finally:
        kind.__call__ = call
