"""The smallest sets of factors whose removal restores parity, in few runs.

Causes are sets: with two of them live, removing either alone changes nothing that a verdict shows (#663).
Two ideas keep the search short.

*Peeling*: where the candidate without some factors still diverges, the stage at which it does names the next
suspect; suspects are added until parity is restored. *Leaving out of the whole* (delta debugging's complements,
Zeller and Hildebrandt 2002): a factor without which removing everything else no longer restores parity is in
*every* set that does. If that holds of all that was peeled, it is the one smallest set, and no other has to be
run. If not, single factors are tried, then what is in every set, then larger sets grown from that.

A set that could not be run proves nothing, in either direction. The search assumes that removing more never brings a
divergence back. What it returns was run, every set of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

Factors = frozenset[str]
Suspect = Callable[[Factors], str | None]
"""The factor that the divergence that is left without these points at."""

Restores = Callable[[Sequence[Factors]], Sequence[bool | None]]
"""Runs the candidate without each of these sets, side by side: whether parity is restored; None: it could not run."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search ended with."""

    causes: tuple[Factors, ...]
    """The smallest sets that restore parity, all of one size; empty where none does."""
    tried: tuple[tuple[Factors, bool | None], ...]
    """Every set that was run, in order, and whether it restores parity: what was ruled out, and by which run."""
    exhausted: bool = False
    """Whether the search stopped at its bound with sets left to try."""


class Bounded:
    """Asks each set once, and not more of them than allowed."""

    def __init__(self, restores: Restores, most: int) -> None:
        self.known: dict[Factors, bool | None] = {}
        self.exhausted = False
        self._restores = restores
        self._most = most

    def ask(self, sets: Collection[Factors]) -> dict[Factors, bool | None]:
        """The answers to those sets that could be asked; a set that is known costs nothing."""
        fresh = [each for each in dict.fromkeys(sets) if each not in self.known]
        room = self._most - len(self.known)
        self.exhausted = self.exhausted or len(fresh) > room
        asked = fresh[: max(room, 0)]
        self.known |= dict(zip(asked, self._restores(asked) if asked else [], strict=True))
        return {each: self.known[each] for each in sets if each in self.known}


def smallest_sets(factors: Sequence[str], restores: Restores, *, suspect: Suspect, most: int) -> Found:
    """Searches.

    Args:
        factors: what can be removed.
        restores: runs sets; given several at once where their answers do not depend on each other.
        suspect: the factor that a set which was run points at, or that nothing removed does; None: no idea. A
            wrong one costs runs and nothing else.
        most: how many sets may be run.

    """
    runs = Bounded(restores, most)
    rounds = chain(_peeled(factors, runs, suspect), _rounds(factors, runs))
    causes = next((found for found in rounds if found), ())
    return Found(causes=tuple(causes), tried=tuple(runs.known.items()), exhausted=runs.exhausted and not causes)


def _peeled(factors: Sequence[str], runs: Bounded, suspect: Suspect) -> Iterator[list[Factors]]:
    """What the suspects add up to, if that is the one smallest set."""
    whole, peeled = frozenset(factors), frozenset[str]()
    while (named := suspect(peeled)) in whole - peeled:
        peeled |= {named}
        if runs.ask([peeled]).get(peeled, False):
            rests = [whole - {factor} for factor in peeled if len(whole) > 1]
            without = runs.ask(rests)
            if all(without.get(rest) is False for rest in rests):
                yield [peeled]
            return


def _rounds(factors: Sequence[str], runs: Bounded) -> Iterator[list[Factors]]:
    """The sets found by each round; the first that finds any ends the search."""
    whole = frozenset(factors)
    if not factors or not runs.ask([whole]).get(whole, False):
        return
    singles = [frozenset({factor}) for factor in factors]
    yield _restoring(runs.ask(singles))
    if len(factors) < 2:
        return
    without = runs.ask([whole - single for single in singles])
    if len(without) < len(singles):
        return
    core = frozenset().union(*(whole - rest for rest, restored in without.items() if restored is False))
    if len(core) > 1:
        yield _restoring(runs.ask([core]))
    others = [factor for factor in factors if factor not in core]
    for size in range(1, len(others) + 1):
        if len(core) + size > 1:
            yield _restoring(runs.ask([core.union(more) for more in combinations(others, size)]))


def _restoring(answers: dict[Factors, bool | None]) -> list[Factors]:
    return [each for each, restored in answers.items() if restored]
