"""What a tap is told before an arm trains, and what it has seen of it so far."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from parity.lab.replay.observer import Observer
    from parity.lab.updates import Like
    from parity.trace.values import Executed, Ignored, Tensor


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a tap is told before the arm trains."""

    loaded: Mapping[str, Tensor] | None
    """None: nobody knows when the model was loaded."""
    passes: int | None
    """None: as many as there are."""
    ignored: Sequence[Ignored]
    executed: Callable[[], tuple[Executed, ...]]
    observers: Sequence[Observer]
    reports: bool
    """Whether the trainer tells what it reports of its steps."""

    @property
    def keeps_whole(self) -> bool:
        """Whether whole tensors leave the compiled step, for a replay."""
        return any(observer.whole for observer in self.observers)


@dataclass(kw_only=True)
class Seen:
    """What a tap has seen so far."""

    model: Any = None
    loss: Callable[..., Any] | None = None
    """The first that is differentiated by a model."""
    optimizer: Any = None
    start: dict[str, dict[str, Tensor]] | None = None
    """The parameters before step 1; those of a later moment replace them until a pass was seen."""
    told: bool = False
    """Whether observers were told of the start."""
    loss_name: str = ""
    batch_shapes: list[list[int]] = field(default_factory=list)
    gradient: Like = ()
    around_update: dict[str, Any] = field(default_factory=dict)
    """The plain local variables of the function that calls the optimizer."""
    written: int = 0
    reported: int = 0
    """The last step of which the trainer reported something."""
    traced: int = 0
    """How often an update was traced, or taken eagerly."""
    error: Exception | None = None
    """The first error; nothing is recorded after it."""


class Inside(threading.local):
    """Which of its own functions this thread is in: what they call is not seen once more."""

    made: bool = False
    """In `nn.value_and_grad`, which calls `mx.value_and_grad`."""
    passing: bool = False
    updating: bool = False
