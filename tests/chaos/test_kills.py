"""A few of the kills of `make chaos`: enough to see that a kill is never a pass."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.chaos.kills import strike

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("what", ["a run", "a cell", "a control"])
def test_a_kill_leaves_no_process_and_nothing_green(tmp_path: Path, what: str) -> None:
    found = strike(what, tmp_path, random.Random())
    assert not found.green, found
    assert found.left == 0, found
    assert not found.hit or found.status in {2, 3, 5}, found
