"""Searches a range of releases for the last good and the first bad one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.bisect.search import Answer, Known, between_ends, walk_back
from parity.errors import ParityError, UnavailableError
from parity.report.wording import place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.bisect.tester import ReleaseResult, ReleaseTester
    from parity.metrics import Stage
    from parity.probe.values import Probe


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """The result of a search."""

    probe: Probe
    package: str
    stage: Stage | None
    beside: Mapping[str, str]
    """The releases of all other packages."""
    releases: tuple[str, ...]
    """The range, the oldest first."""
    tried: tuple[ReleaseResult, ...]
    """In the order of the releases."""
    last_good: ReleaseResult | None
    first_bad: ReleaseResult | None
    between: tuple[str, ...]
    """Releases between the two, all of which were skipped."""
    runs: int
    """Releases that were run: tried and not skipped."""

    @property
    def is_found(self) -> bool:
        """Whether good and bad are neighbours."""
        return self.last_good is not None and self.first_bad is not None and not self.between


def bisect(
    tester: ReleaseTester, releases: tuple[str, ...], *, good: str | None, bad: str | None, say: Callable[[str], None]
) -> Bisection:
    """Searches a range of releases.

    Args:
        tester: tests one release.
        releases: the range, the oldest first.
        good: the first release, as the user wrote it, which must be good; None: search for a good one.
        bad: the last release, as the user wrote it, which must be bad; None: the newest that can be tested must be.
        say: called with a line before a release is tried, and when one is skipped.

    Raises:
        ParityError: an end of the range is not good or bad as stated.
        UnavailableError: an end that the user named cannot be tested, or this machine cannot test anything.

    """
    strategy = walk_back if good is None else between_ends
    known = Known(count=len(releases))
    tried: dict[int, ReleaseResult] = {}
    while (position := strategy(known)) is not None:
        say(_about(tester.package, releases[position], known))
        found = tried[position] = tester.test(releases[position])
        if good is not None and position == 0:
            _check_end(f"--good {good}", tester, found, Answer.GOOD)
        elif known.first_bad is None and (bad is not None or found.answer is Answer.GOOD):
            _check_end(f"--bad {bad}" if bad else "the newest release", tester, found, Answer.BAD)
        if found.is_skipped:
            say(f"  skipped: {found.why}")
        known = known.told(position, found.answer)
    return Bisection(
        probe=tester.probe,
        package=tester.package,
        stage=tester.stage,
        beside=tester.beside,
        releases=releases,
        tried=tuple(tried[position] for position in sorted(tried)),
        last_good=None if known.last_good is None else tried[known.last_good],
        first_bad=None if known.first_bad is None else tried[known.first_bad],
        between=tuple(releases[position] for position in known.between),
        runs=known.runs,
    )


def _about(package: str, release: str, known: Known) -> str:
    left = len(known.between)
    return f"{package} {release}" + (f", {left} between good and bad" if left else "")


def _check_end(which: str, tester: ReleaseTester, tried: ReleaseResult, wanted: Answer) -> None:
    name = f"{tester.package} {tried.release}"
    if tried.is_skipped:
        raise UnavailableError(f"{which}: {name} cannot be tested: {tried.why}; name another release")
    if tried.answer is not wanted:
        where = "" if tried.first_divergence is None else f", at {place(tried.first_divergence)}"
        found = f"with {name}, {tester.probe.name} is {tried.verdict}{where}"
        at = f" at stage {tester.stage}" if tester.stage else ""
        raise ParityError(f"{which} is {tried.answer}{at}: {found}; name one that is {wanted}")
