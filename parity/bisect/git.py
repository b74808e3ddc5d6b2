"""Exit statuses for `git bisect run`: 0 is good, 1 to 124 bad, 125 skip, 128 and more stop.

A failure that says nothing about the commit must not be blamed on it.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from parity.errors import ExitStatus

if TYPE_CHECKING:
    from pathlib import Path

SKIP = 125
STOP = 128


def is_bisected(checkout: Path) -> bool:
    """Whether a `git bisect` is in progress in a checkout."""
    try:
        asked = ["git", "-C", str(checkout), "rev-parse", "--git-path", "BISECT_START"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return said.returncode == 0 and (checkout / said.stdout.strip()).is_file()


def for_git(status: ExitStatus, *, answered: bool) -> int:
    """The exit status that a `git bisect` understands.

    Args:
        status: the exit status outside of a `git bisect`.
        answered: whether it is an answer about the checkout, not a usage error, an interruption or a fault of parity.

    """
    if not answered:
        return int(status) if status >= STOP else STOP + status
    return SKIP if status is ExitStatus.NOT_RUN else int(status)
