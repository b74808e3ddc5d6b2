"""A lock on the folder of a run: two commands never work on one run at the same time.

The system holds it for as long as the process lives: a process that was killed leaves nothing that has to be removed.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from parity.errors import NotKeptError, ParityError, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = "lock"


@contextmanager
def working_on(run: Path) -> Iterator[None]:
    """Holds the lock of a run; the file stays and names the last process that had it.

    Raises:
        ParityError: another process has it.
        NotKeptError: the folder cannot be written.

    """
    try:
        file = (run / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise NotKeptError(f"{run}: cannot be written ({error.strerror})") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ParityError(
                f"{run}: process {shortened(file.read().strip())} works on this run; wait until it has ended"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
