"""Puts passes and updates together to steps, wherever they happen: in one compiled function, in several, or eagerly."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.lab.compiled import Compiled, Event
from parity.lab.generators import Generators
from parity.lab.passes import Pass, together
from parity.lab.updates import Columns, Update, named, row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import mlx.core as mx

    from parity.lab.compiled import Frame


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A step that was taken; its arrays are possibly not computed yet."""

    number: int
    """1-based."""
    columns: Columns
    words: mx.array
    """The row, uint32 [words]."""
    whole: Mapping[str, mx.array] = field(default_factory=dict)
    """For a replay: what is kept of its last pass, and flat vectors."""
    facts: Any = None
    """What the recorder of its update knew of it."""
    random: Generators
    """As they were right after the update."""
    apart: bool = False
    """Whether it had earlier passes that its row does not hold."""


class Steps:
    """The steps of a training, in the order in which they are taken."""

    def __init__(self, before: Callable[[Any], None], safely: Callable[..., Any], *, weighs_tokens: bool) -> None:
        """Creates an empty list.

        Args:
            before: called before a compiled function that may take a step, with what it captures as outputs.
            safely: as for `Compiled`.
            weighs_tokens: whether the trainer accumulates the mean over tokens, or over passes.

        """
        self.compiled = Compiled(self._arrived, before, safely)
        self.waiting: deque[Taken] = deque()
        """Taken, and not yet written."""
        self.taken = 0
        self.seen = False
        """Whether a pass or an update was seen."""
        self._weighs_tokens = weighs_tokens
        self._open: list[Pass] = []

    @property
    def open(self) -> list[Pass]:
        """The passes of the next update, as far as they are in the graph at hand."""
        frames = self.compiled.frames
        return [event.source for event in _trailing(frames[-1])] if frames else self._open

    def passed(self, one: Pass) -> None:
        """Takes a pass that happens now."""
        whole = {f"whole/{name}": array for name, array in one.whole.items()}
        self.compiled.put(Event(facts=_PASS, arrays=named(one) | whole, source=one))

    def updated(self, update: Update, facts: Any = None) -> None:
        """Takes an update that happens now, with the passes since the last one."""
        frames = self.compiled.frames
        if not frames:
            self._step(update, facts)
        elif self._goes_on(frames):
            whole = {f"whole/{name}": array for name, array in update.whole.items()}
            self.compiled.put(Event(facts=_Updated(facts=facts), arrays=update.arrays() | whole))
        else:
            passes = self.open
            del frames[-1][len(frames[-1]) - len(passes) :]
            self.compiled.put(self._event(passes, update, facts))

    def _goes_on(self, frames: list[Frame]) -> bool:
        """Whether the update that is traced also has passes that are not in its graph."""
        *outer, frame = frames
        return len(_trailing(frame)) == len(frame) and bool(self._open or any(map(_trailing, outer)))

    def _event(self, passes: list[Pass], update: Update, facts: Any) -> Event:
        one = together(passes, weighs_tokens=self._weighs_tokens) if passes else None
        columns, words = row(one, update)
        whole = dict(update.whole)
        if whole and one is not None:
            whole |= {**passes[-1].whole, "gradient": one.gradient}
        return Event(facts=_Stepped(columns=columns, facts=facts), arrays={"row": words} | whole)

    def _step(self, update: Update, facts: Any) -> None:
        passes, self._open = self._open, []
        self._arrived(self._event(passes, update, facts))

    def _arrived(self, event: Event) -> None:
        """Takes an event that has happened, outside of all graphs."""
        self.seen = True
        whole = {name.removeprefix("whole/"): of for name, of in event.arrays.items() if name.startswith("whole/")}
        plain = {name: of for name, of in event.arrays.items() if not name.startswith("whole/")}
        match event.facts:
            case _Stepped(columns=columns, facts=facts):
                self.taken += 1
                words, apart = plain.pop("row"), bool(self._open)
                self._open = []
                self.waiting.append(
                    Taken(
                        number=self.taken,
                        columns=columns,
                        words=words,
                        whole=plain,
                        facts=facts,
                        random=Generators(),
                        apart=apart,
                    )
                )
            case _Updated(facts=facts):
                self._step(Update(**{**_ABSENT_OF_UPDATE, **plain}, whole=whole), facts)
            case _:
                one = event.source if event.source is not None else Pass(**{**_ABSENT_OF_PASS, **plain}, whole=whole)
                self._open.append(one)


_PASS = "pass"  # noqa: S105 - not a password
_ABSENT_OF_PASS: dict[str, Any] = dict.fromkeys(("tokens", "batch", "found"))
_ABSENT_OF_UPDATE: dict[str, Any] = dict.fromkeys(("lr", "counter"))


@dataclass(frozen=True, kw_only=True)
class _Updated:
    facts: Any


@dataclass(frozen=True, kw_only=True)
class _Stepped:
    columns: Columns
    facts: Any


def _trailing(frame: Frame) -> list[Event]:
    """The passes since the last update that was recorded in a graph."""
    passes: list[Event] = []
    for event in reversed(frame):
        if event.facts != _PASS:
            break
        passes.append(event)
    return passes[::-1]
