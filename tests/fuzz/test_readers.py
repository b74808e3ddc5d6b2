"""Whatever a file holds, its reader takes it or refuses it with its own error: never a traceback, never a wait.

`make fuzz` gives each format 20,000 inputs instead of 500.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.formats import FORMATS
from tests.fuzz.spoiling import spoiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

PATIENCE = 60
"""Seconds for one input before it counts as a hang."""
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "500"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_reader_raises_nothing_but_its_own_errors(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    sample = FORMATS[name](tmp_path)
    content = sample.file.read_bytes()
    sample.read()
    read = refused = several = 0

    # The suite has the same inputs each time; `make fuzz` has new ones.
    @settings(
        max_examples=EXAMPLES,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(spoiled(content, lines=sample.lines, is_json=sample.is_json))
    def attempt(data: bytes) -> None:
        nonlocal read, refused, several
        sample.file.write_bytes(data)
        try:
            with _no_wait():
                sample.read()
        except sample.refuses as error:
            refused += 1
            several += str(error).count("\n")
        else:
            read += 1

    attempt()
    record_property("fuzzed", f"{name}: {read + refused:,} inputs, {read:,} read, {refused:,} refused")
    assert read + refused >= EXAMPLES
    assert several == 0
    assert bool(refused) is bool(sample.refuses)


@contextmanager
def _no_wait() -> Iterator[None]:
    """Ends a reader that does not end by itself; all of them together take seconds."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer in {PATIENCE} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
