from __future__ import annotations

import signal
from typing import NoReturn

import pytest

from parity.comment.timeout import TookTooLongError, at_most


def forever() -> NoReturn:
    while True:
        pass


def test_what_does_not_end_is_ended() -> None:
    with pytest.raises(TookTooLongError), at_most(0.01):
        forever()


def test_what_ends_leaves_nothing_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with at_most(600):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before
