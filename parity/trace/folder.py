"""The folder that `parity trace` writes: `trace.jsonl`, or `trace-0.jsonl` and so on where there are several ranks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.errors import ParityError
from parity.files import is_folder, is_there

if TYPE_CHECKING:
    from pathlib import Path

_RANK = re.compile(r"trace-([0-9]{1,6})\.jsonl")


def trace_file(folder: Path, rank: str | None = None) -> Path:
    """Where the trace of a process is; `rank` is which of several processes it is."""
    return folder / ("trace.jsonl" if rank is None else f"trace-{rank}.jsonl")


def traces_in(folder: Path) -> dict[int | None, Path]:
    """The traces of a folder by rank; None if there is only one process."""
    single = trace_file(folder)
    if is_there(single):
        return {None: single}
    found = {int(rank[1]): path for path in folder.glob("trace-*.jsonl") if (rank := _RANK.fullmatch(path.name))}
    return dict(sorted(found.items()))


def check_empty(folder: Path) -> None:
    """Raises ParityError if a trace cannot be written there, or one is there."""
    if is_there(folder) and not is_folder(folder):
        raise ParityError(f"{folder}: not a folder; choose another one")
    if there := [*traces_in(folder).values()]:
        raise ParityError(f"{folder}: holds a trace already ({there[0].name}); choose another folder, or remove it")
