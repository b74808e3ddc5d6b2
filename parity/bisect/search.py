"""Which release to try next. Pure: a release is a position, the oldest is 0.

The search assumes one change, from good to bad. The ends are tried like all other releases, since they may not be good
or bad on this machine. A release that cannot be tested says nothing about its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Answer(StrEnum):
    """The answer from trying a release."""

    GOOD = "good"
    BAD = "bad"
    SKIPPED = "skipped"
    """It could not be tested."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known so far of `count` releases."""

    count: int
    answers: Mapping[int, Answer] = field(default_factory=dict)

    @property
    def last_good(self) -> int | None:
        """The newest good release."""
        return max(self._positions(Answer.GOOD), default=None)

    @property
    def first_bad(self) -> int | None:
        """The oldest bad release."""
        return min(self._positions(Answer.BAD), default=None)

    @property
    def between(self) -> tuple[int, ...]:
        """The releases between the last good and the first bad one; empty if either is unknown."""
        if self.last_good is None or self.first_bad is None:
            return ()
        return tuple(range(self.last_good + 1, self.first_bad))

    @property
    def runs(self) -> int:
        """Releases that were tried and could be tested."""
        return len(self.answers) - len(self._positions(Answer.SKIPPED))

    def untried(self, positions: Sequence[int]) -> list[int]:
        """Those of these releases that were not tried."""
        return [position for position in positions if position not in self.answers]

    def told(self, position: int, answer: Answer) -> Known:
        """The same with one more answer."""
        return replace(self, answers={**self.answers, position: answer})

    def _positions(self, answer: Answer) -> list[int]:
        return [position for position, each in self.answers.items() if each is answer]


Strategy = Callable[[Known], int | None]
"""Returns the release to try next; None if no release is left that would tell more."""


def between_ends(known: Known) -> int | None:
    """Tries the oldest, then the newest that can be tested, then halves the range.

    Of n releases at most ⌈log2 n⌉ + 2 are run, not counting those that are skipped.
    """
    if known.untried([0]):
        return 0
    return _newest(known) if known.first_bad is None else halve(known)


def halve(known: Known) -> int | None:
    """The middle of the untried releases between good and bad; if it is skipped, its neighbours, outward.

    Counting only untried releases keeps the bound whatever is skipped: every run leaves at most half of them.
    """
    return _middle(known.untried(known.between))


def walk_back(known: Known) -> int | None:
    """Without a good end: tries 1, 2, 4, 8 … releases back from the newest bad one until one is good, then halves.

    At most 2⌈log2 n⌉ + 2 releases are run, not counting those that are skipped. If older releases cannot be tested,
    those between them and the oldest bad one are tried.
    """
    if known.first_bad is None:
        return _newest(known)
    if known.last_good is not None:
        return halve(known)
    ahead = known.untried(list(_doubling(known)))
    if ahead:
        return ahead[0]
    older = [position for position in known.answers if position < known.first_bad]
    return _middle(known.untried(range(max(older, default=known.first_bad), known.first_bad)))


def _newest(known: Known) -> int | None:
    """The newest untried release; None if a good one was found on the way, since then none is bad."""
    if known.last_good:
        return None
    return max(known.untried(range(known.count)), default=None)


def _doubling(known: Known) -> Iterator[int]:
    newest_bad = max(position for position, answer in known.answers.items() if answer is Answer.BAD)
    distance = 1
    while distance < newest_bad:
        yield newest_bad - distance
        distance *= 2
    yield 0


def _middle(positions: Sequence[int]) -> int | None:
    return positions[len(positions) // 2] if positions else None
