"""What can go wrong by somebody's hand: one line each, and the exit status it asks for."""

from __future__ import annotations

from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitStatus(IntEnum):
    """What `parity` answers to the shell."""

    EXPECTED = 0
    """Every expectation was met."""
    UNEXPECTED = 1
    """An expectation was not met."""
    USAGE = 2
    """Wrong usage, or a bad probe."""
    NOT_RUN = 3
    """An arm could not be run."""
    CANARY_MISSED = 4
    """A known fault was not caught, or something harmless was: what the run says cannot be relied on."""
    UNDECIDED = 5
    """Nothing comparable, not run, or inconclusive."""
    BUG = 70
    """A fault of this tool."""
    INTERRUPTED = 130


class ParityError(Exception):
    """Somebody's mistake, or a missing part: a message that says what, where and what to do next."""

    status = ExitStatus.USAGE


class BadProbeError(ParityError):
    """A probe, or what it points at, cannot be used."""


class BadTraceError(ParityError):
    """A file that should hold a trace or a log does not."""


class BadResultError(ParityError):
    """A `results.json` that this tool has not written, or that denies itself."""


class BadGoldenError(ParityError):
    """A golden cannot be compared with: damaged, edited, or of something else."""


class UnavailableError(ParityError):
    """A trainer, a release or a tool is not there, so that an arm cannot be run."""

    status = ExitStatus.NOT_RUN


class NotInstallableError(UnavailableError):
    """Releases that cannot be installed together, or a package that cannot be built."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot be installed: {why}")
        self.why = why


class MachineError(UnavailableError):
    """What the machine lacks, a network or space: it says nothing of a release."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """The end of an error about an unknown word: the nearest valid one, or all of them."""
    choices = sorted(valid)
    if close := get_close_matches(word, choices, n=1):
        return f"did you mean {close[0]!r}?"
    return f"valid: {', '.join(choices)}"
