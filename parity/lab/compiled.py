"""What is recorded while a compiled function is traced, delivered at each of its calls.

Python runs only while `mx.compile` traces a function. Whatever a call shall tell must be an output of the function, so
the function is compiled with one output more: a dict that what was recorded is packed into as one vector. A call can be
of any of several traces, and nothing says of which. So the dict also holds an empty matrix, whose width is the number
of the trace: a shape is known without evaluating anything.

The trainer's objects stay as they are: nothing is written into a model or into the state of an optimizer.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

import mlx.core as mx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TRACE, _WORDS = "trace", "words"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened: in a graph that is being traced, or right now."""

    facts: Any
    """What is known of it while it is traced; the same at each call."""
    arrays: Mapping[str, mx.array] = field(default_factory=dict)
    """Of the graph."""
    source: Any = None
    """What it was made from, for whoever records in the same graph; it does not leave the graph."""


@dataclass(frozen=True, kw_only=True)
class _Packed:
    """Where the arrays of an event are in the vector of words."""

    facts: Any
    arrays: tuple[tuple[str, mx.Dtype, tuple[int, ...]], ...]


Frame = list[Event]
"""What was recorded so far by a function that is being traced."""


class Compiled:
    """Delivers events, whether or not they happen in a compiled function."""

    def __init__(
        self,
        deliver: Callable[[Event], None],
        before: Callable[[Any], None],
        safely: Callable[..., Any],
    ) -> None:
        """Creates a carrier.

        Args:
            deliver: called with each event, once for each time that it happens, in order.
            before: called before a compiled function that may hold events, with what it captures as outputs.
            safely: calls a function with its arguments, and keeps what it raises from the function that is compiled.

        """
        self._deliver = deliver
        self._before = before
        self._safely = safely
        self._local = threading.local()

    @property
    def frames(self) -> list[Frame]:
        """Of the functions that this thread is tracing, the innermost last; none outside of all."""
        frames: list[Frame] = self._local.__dict__.setdefault("frames", [])
        return frames

    def put(self, event: Event) -> None:
        """Takes an event that happens now."""
        if self.frames:
            self.frames[-1].append(event)
        else:
            self._deliver(event)

    def compiling(self, compile_: Callable[..., Any]) -> Callable[..., Any]:
        """`mx.compile`, for functions whose events are delivered at each call."""

        @wraps(compile_)
        def compiled(fun: Any, inputs: Any = None, outputs: Any = None, shapeless: bool = False) -> Any:
            if shapeless and outputs is None:  # activations: no step of a training captures nothing
                return compile_(fun, inputs, outputs, shapeless)
            return self._carried(fun, compile_, inputs, outputs, shapeless)

        return compiled

    def _carried(self, fun: Any, compile_: Callable[..., Any], inputs: Any, outputs: Any, shapeless: bool) -> Any:
        traces: list[tuple[_Packed, ...]] = [()]
        told = _nothing()

        def traced(*args: Any, **kwargs: Any) -> Any:
            with self._opened() as frame:
                result = fun(*args, **kwargs)
            self._safely(_pack, frame, traces, told)
            return result

        run = compile_(traced, inputs, told if outputs is None else [outputs, told], shapeless)
        called_before = False

        @wraps(fun)
        def called(*args: Any, **kwargs: Any) -> Any:
            nonlocal called_before
            if not self.frames and (len(traces) > 1 or not called_before):
                self._safely(self._before, outputs)
            called_before = True
            result = run(*args, **kwargs)
            if told[_TRACE].shape[1]:
                self._safely(self._take, traces, told)
            return result

        return called

    def _take(self, traces: list[tuple[_Packed, ...]], told: dict[str, mx.array]) -> None:
        for event in _unpacked(traces, told):
            self.put(event)

    @contextmanager
    def _opened(self) -> Iterator[Frame]:
        self.frames.append([])
        try:
            yield self.frames[-1]
        finally:
            self.frames.pop()


def _nothing() -> dict[str, mx.array]:
    return {_TRACE: mx.zeros((0, 0), mx.uint32), _WORDS: mx.zeros((0,), mx.uint32)}


def _pack(frame: Frame, traces: list[tuple[_Packed, ...]], told: dict[str, mx.array]) -> None:
    """Puts what was recorded into the output; the number of a trace is its place in the list."""
    if not frame:
        told.update(_nothing())
        return
    packed = tuple(
        _Packed(facts=each.facts, arrays=tuple((name, of.dtype, of.shape) for name, of in each.arrays.items()))
        for each in frame
    )
    if packed not in traces:
        traces.append(packed)
    words = [_words(array) for event in frame for array in event.arrays.values()]
    told[_TRACE] = mx.zeros((0, traces.index(packed)), mx.uint32)
    told[_WORDS] = words[0] if len(words) == 1 else mx.concatenate(words)


def _unpacked(traces: list[tuple[_Packed, ...]], told: dict[str, mx.array]) -> Iterator[Event]:
    """The events of the call that has just ended; what they hold is not kept."""
    packed, words, start = traces[told[_TRACE].shape[1]], told[_WORDS], 0
    told.update(_nothing())
    for each in packed:
        arrays = {}
        for name, dtype, shape in each.arrays:
            size = _size(shape)
            part = words if size == words.size else words[start : start + size]
            arrays[name] = _array(part, dtype).reshape(shape)
            start += size
        yield Event(facts=each.facts, arrays=arrays)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for each in shape:
        size *= each
    return size


def _words(array: mx.array) -> mx.array:
    """uint32 [n]; exact for floats and integers of up to 32 bits."""
    if array.dtype == mx.uint32:
        return array.reshape(-1)
    wide = mx.float32 if mx.issubdtype(array.dtype, mx.floating) else mx.int32
    return array.astype(wide).reshape(-1).view(mx.uint32)


def _array(words: mx.array, dtype: mx.Dtype) -> mx.array:
    if dtype == mx.uint32:
        return words
    return words.view(mx.float32 if mx.issubdtype(dtype, mx.floating) else mx.int32).astype(dtype)
