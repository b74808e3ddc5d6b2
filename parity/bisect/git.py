"""What `git bisect run` makes of an exit status: 0 good, 1 to 124 bad, 125 skip, 128 and more stop.

An answer that is not about the commit must not be blamed on it.
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
    """Whether a `git bisect` is going on in a checkout."""
    try:
        asked = ["git", "-C", str(checkout), "rev-parse", "--git-path", "BISECT_START"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return said.returncode == 0 and (checkout / said.stdout.strip()).is_file()


def for_git(status: ExitStatus, *, answered: bool) -> int:
    """The exit status that a `git bisect` understands.

    Args:
        status: what is said to anybody else.
        answered: whether it is an answer about the checkout, and no mistake, interruption or fault.

    """
    if not answered:
        return int(status) if status >= STOP else STOP + status
    return SKIP if status is ExitStatus.NOT_RUN else int(status)
