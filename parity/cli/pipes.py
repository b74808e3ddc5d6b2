"""Output that nobody reads: what was asked for is done all the same, and its exit status is its own."""

from __future__ import annotations

import io
import sys
from typing import Any, TextIO


class _MayBeClosed(io.FileIO):
    """A descriptor whose reader may be gone, as `head -1` is after its line."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Makes standard output and standard error drop what is written after their reader has gone."""
    sys.stdout = _outliving(sys.stdout)
    sys.stderr = _outliving(sys.stderr)


def _outliving(stream: TextIO) -> TextIO:
    """The same stream, unless it is no descriptor: a test's own, or closed."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if type(raw) is not io.FileIO:
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_MayBeClosed(raw.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )
