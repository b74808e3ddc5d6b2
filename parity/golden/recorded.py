"""What became of a golden that was to be recorded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from parity.golden.values import Golden


class Recorded(StrEnum):
    """What became of a golden."""

    FIRST = "first"
    """There was none; it is written."""
    SAME = "same"
    """The reference computes what is there; nothing is written."""
    DIFFERS = "differs"
    """It does not; nothing is written."""
    REPLACED = "replaced"
    """It does not; it is written."""
    FAILED = "failed"
    """The reference did not run, or computed what cannot be compared."""


@dataclass(frozen=True, kw_only=True)
class RecordedGolden:
    """One golden, as it was asked for."""

    what: Recorded
    probe: str
    seed: int
    path: Path | None
    """Its file; None where the platform never became known."""
    then: Golden | None = None
    """What was there; None where it could not be read, or was not."""
    now: Golden | None = None
    failure: str = ""
