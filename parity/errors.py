"""Errors that a user can cause or meet: each has a one-line message and an exit status."""

from __future__ import annotations

from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_SHOWN = 200
"""Characters of foreign text that a message quotes at most."""


class ExitStatus(IntEnum):
    """The exit status of `parity`."""

    EXPECTED = 0
    """Every expectation was met."""
    UNEXPECTED = 1
    """An expectation was not met."""
    USAGE = 2
    """Wrong usage, or a bad probe."""
    NOT_RUN = 3
    """An arm could not be run."""
    CANARY_MISSED = 4
    """A known fault was missed or a harmless change was flagged: the run cannot be relied on."""
    UNDECIDED = 5
    """Nothing could be compared, a probe was not run, or a verdict is inconclusive."""
    BUG = 70
    """A bug in this tool."""
    NOT_KEPT = 74
    """Something was run, and could not be kept or reported whole: no space, or no permission."""
    INTERRUPTED = 130


class ParityError(Exception):
    """A mistake or something missing: the message says what, where and what to do next."""

    status = ExitStatus.USAGE


class BadProbeError(ParityError):
    """A probe, or a file or folder that it names, cannot be used."""


class BadTraceError(ParityError):
    """A file that should hold a trace or a log does not."""


class BadResultError(ParityError):
    """A `results.json` that this tool did not write, or that contradicts itself."""


class BadGoldenError(ParityError):
    """A golden that cannot be used: it is damaged, edited, or was recorded for something else."""


class UnavailableError(ParityError):
    """A trainer, a release or a tool is missing, so that an arm cannot be run."""

    status = ExitStatus.NOT_RUN


class NotKeptError(ParityError):
    """What was run, or what was found, cannot be written."""

    status = ExitStatus.NOT_KEPT


class NotInstallableError(UnavailableError):
    """Releases that cannot be installed together, or a package that cannot be built."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot be installed: {why}")
        self.why = why


class MachineError(UnavailableError):
    """The machine has no network or no space left; this says nothing about a release."""


class UnreadableError(ValueError):
    """What comes from outside cannot be read; the message is the reason, as a clause without its place."""


def shortened(text: object, *, longest: int = _SHOWN) -> str:
    """Foreign text as part of a message: one line, and no longer than can be read."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def nearest(word: str, valid: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest valid word, or all valid words."""
    choices = sorted(valid)
    if close := get_close_matches(word, choices, n=1):
        return f"did you mean {close[0]!r}?"
    return f"valid: {', '.join(choices)}"
