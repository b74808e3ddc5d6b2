"""Scores canaries, one by one and all together. Pure: nothing is run or read here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from parity.errors import ExitStatus

if TYPE_CHECKING:
    from parity.canaries.canary import Canary
    from parity.judge.result import CellResult
    from parity.judge.verdict import FirstDivergence
    from parity.probe.values import VerdictKind
    from parity.scoreboard.sensitivity import Sensitivity

RIGHT_STAGE = 0.95
"""The smallest share of the faults whose stage must be named correctly."""


class CanaryStatus(StrEnum):
    """What became of one canary."""

    CAUGHT = "caught"
    MISSED = "missed"
    QUIET = "quiet"
    """A harmless change that was let through."""
    FALSE_ALARM = "false alarm"
    NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One canary and its result."""

    canary: Canary
    status: CanaryStatus
    verdict: VerdictKind
    reason: str
    """The reason for the verdict, or why there is none."""
    at: FirstDivergence | None = None
    """Where the harness saw it."""

    @property
    def stage_right(self) -> bool:
        """Whether it was caught, and named at its stage."""
        return self.status is CanaryStatus.CAUGHT and self.at is not None and self.at.stage is self.canary.stage

    @property
    def step_right(self) -> bool:
        """Whether it was caught at the first step at which it can show."""
        return self.status is CanaryStatus.CAUGHT and self.at is not None and self.at.step == self.canary.step


def score(canary: Canary, cell: CellResult, left_behind: FirstDivergence | None = None) -> Score:
    """Scores one canary.

    Args:
        canary: the canary.
        cell: the result of its cell.
        left_behind: where the reference, run again in the same process, first differs from itself.

    """
    if cell.verdict is None:
        status = CanaryStatus.NOT_RUN
    elif canary.harmless:
        status = CanaryStatus.QUIET if cell.kind.passes else CanaryStatus.FALSE_ALARM
    else:
        status = CanaryStatus.MISSED if cell.kind.passes or cell.same_code else CanaryStatus.CAUGHT
    at = cell.first_divergence or left_behind
    return Score(canary=canary, status=status, verdict=cell.kind, reason=cell.reason, at=at)


@dataclass(frozen=True, kw_only=True)
class Identical:
    """Cells whose arms are the same: every alarm is a false alarm."""

    cells: int
    alarms: tuple[str, ...] = ()
    """Each as the cell and its verdict."""
    not_run: tuple[str, ...] = ()
    """Each as the cell and why it was not run."""

    def __add__(self, other: Identical) -> Identical:
        return Identical(
            cells=self.cells + other.cells,
            alarms=self.alarms + other.alarms,
            not_run=self.not_run + other.not_run,
        )


@dataclass(frozen=True, kw_only=True)
class Scoreboard:
    """All canaries of one call."""

    scores: tuple[Score, ...]
    identical: Identical
    """The grounds themselves, and further cells that were asked for."""
    sensitivity: tuple[Sensitivity, ...] = ()
    seconds: float = 0.0

    @property
    def faults(self) -> tuple[Score, ...]:
        """The scores of faults that were run."""
        ran = (each for each in self.scores if each.status is not CanaryStatus.NOT_RUN)
        return tuple(each for each in ran if not each.canary.harmless)

    def having(self, status: CanaryStatus) -> tuple[Score, ...]:
        """Those with one outcome."""
        return tuple(each for each in self.scores if each.status is status)

    @property
    def caught(self) -> int:
        """Faults that were caught."""
        return len(self.having(CanaryStatus.CAUGHT))

    @property
    def stages_right(self) -> int:
        """Faults that were named at their stage."""
        return sum(each.stage_right for each in self.scores)

    @property
    def steps_right(self) -> int:
        """Faults that were seen at the first step at which they can show."""
        return sum(each.step_right for each in self.scores)

    @property
    def false_alarms(self) -> int:
        """Alarms about harmless changes, and about arms that are the same."""
        return len(self.having(CanaryStatus.FALSE_ALARM)) + len(self.identical.alarms)

    @property
    def not_run(self) -> int:
        """How many could not be run, and so prove nothing."""
        return len(self.having(CanaryStatus.NOT_RUN)) + len(self.identical.not_run)

    @property
    def misjudged(self) -> tuple[str, ...]:
        """The names of missed faults, and false alarms."""
        wrong = {CanaryStatus.MISSED, CanaryStatus.FALSE_ALARM}
        return (*(each.canary.name for each in self.scores if each.status in wrong), *self.identical.alarms)

    @property
    def trusted(self) -> bool:
        """Whether there are canaries, all of them could be run, and none was misjudged."""
        return bool(self.scores) and not self.misjudged and not self.not_run

    @property
    def passed(self) -> bool:
        """Whether there are faults, all were caught, nearly all at their stage, and there was no false alarm."""
        return (
            bool(self.faults)
            and self.caught == len(self.faults)
            and self.stages_right >= RIGHT_STAGE * len(self.faults)
            and not self.false_alarms
        )

    @property
    def status(self) -> ExitStatus:
        """The exit status: a missed fault outranks one that could not be run."""
        if self.misjudged or (self.faults and not self.passed):
            return ExitStatus.UNEXPECTED
        if self.not_run:
            return ExitStatus.NOT_RUN
        return ExitStatus.EXPECTED if self.passed else ExitStatus.UNEXPECTED
