"""The result of recording a golden."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from parity.golden.values import Golden


class Recorded(StrEnum):
    """What recording a golden has led to."""

    FIRST = "first"
    """There was none; it was written."""
    SAME = "same"
    """The reference computes what the golden says; nothing was written."""
    DIFFERS = "differs"
    """The reference computes something else; nothing was written."""
    REPLACED = "replaced"
    """The reference computes something else; the golden was replaced."""
    FAILED = "failed"
    """The reference did not run, or computed what cannot be compared."""


@dataclass(frozen=True, kw_only=True)
class RecordedGolden:
    """One golden that was to be recorded, and the result."""

    what: Recorded
    probe: str
    seed: int
    path: Path | None
    """Its file; None if the platform is not known."""
    then: Golden | None = None
    """The golden before; None if there was none, or it could not be read."""
    now: Golden | None = None
    failure: str = ""
