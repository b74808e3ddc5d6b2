"""What a tap is told before an arm trains, and what it has seen of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from parity.lab.passes import Passes
    from parity.lab.replay.observer import Observer
    from parity.trace.values import Executed, Ignored, Tensor


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a tap is told before the arm trains."""

    loaded: Mapping[str, Tensor]
    passes: int
    weighs_tokens: bool
    ignored: Sequence[Ignored]
    executed: Callable[[], tuple[Executed, ...]]
    observers: Sequence[Observer]

    @property
    def keeps_whole(self) -> bool:
        """Whether whole tensors leave the compiled step, for a replay."""
        return any(observer.whole for observer in self.observers)


@dataclass(kw_only=True)
class Seen:
    """What a tap has seen so far."""

    model: Any = None
    optimizer: Any = None
    made: list[Any] = field(default_factory=list)
    """Every optimizer, in the order in which they were made."""
    start: dict[str, dict[str, Tensor]] | None = None
    loss_name: str = ""
    batch_shapes: list[list[int]] = field(default_factory=list)
    passes: Passes | None = None
    """The passes of the update that is being traced."""
    last_pass: dict[str, Any] = field(default_factory=dict)
    last_names: dict[str, Any] = field(default_factory=dict)
    around_update: dict[str, Any] = field(default_factory=dict)
    """The plain local variables of the function that calls `Optimizer.update`."""
    steps: int = 0
    traced: int = 0
    """How often the update was traced."""
    error: Exception | None = None
    """The first error; `finish` raises it."""
