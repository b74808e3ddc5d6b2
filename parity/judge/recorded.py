"""What a name on the command line leads to: traces of ranks, one trace, or a log that another tool wrote."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import BadTraceError, UnreadableError, nearest, shortened
from parity.files import is_file, is_folder, read_first_line
from parity.judge.diff import Recording, only, recording
from parity.judge.logs import read_table
from parity.judge.printed import read_printed
from parity.judge.trainer_state import NAME as STATE
from parity.judge.trainer_state import read_trainer_state
from parity.parsing import parse_json
from parity.trace.file import read_trace
from parity.trace.folder import trace_file, traces_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.trace.values import Trace

_NAMED = 3


class Form(StrEnum):
    """The forms of files that hold steps."""

    TRACE = "trace"
    TABLE = "table"
    TRAINER_STATE = "trainer state"
    PRINTED = "printed log"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The steps of one process."""

    path: Path
    form: Form
    recording: Recording
    trace: Trace | None = None
    """None for the log of another tool."""


def read_recorded(name: str, metrics: Sequence[str] = ()) -> dict[int | None, Recorded]:
    """Reads a trace, a log, or a folder with one of them or with a trace for each rank.

    Args:
        name: `PATH`, or `PATH::COLUMN` for one column of a table as the loss.
        metrics: the metrics to keep; empty: all.

    Returns:
        By rank; None if there is only one process.

    Raises:
        BadTraceError: nothing is there that can be read as steps, or it lacks a metric or the column.

    """
    text, _, column = name.partition("::")
    path = Path(text)
    files = _in_folder(path) if is_folder(path) and not column else {None: path}
    return {rank: _kept(_read(file, column), metrics) for rank, file in files.items()}


def _in_folder(folder: Path) -> dict[int | None, Path]:
    """The files of a folder that hold steps, by rank."""
    if is_file(folder / STATE):
        return {None: folder / STATE}
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise BadTraceError(f"{folder}: cannot be read ({error.strerror})") from None
    if ranks := traces_in(folder):
        return ranks
    others = [name for name in names if name.endswith((".jsonl", ".csv"))][:_NAMED]
    advice = f"name a file of it: {', '.join(others)}" if others else "`parity trace --out DIR -- COMMAND` makes one"
    raise BadTraceError(f"{folder}: holds no {trace_file(folder).name} and no {STATE}; {advice}")


def _read(path: Path, column: str) -> Recorded:
    if not column and path.suffix == ".jsonl" and _is_trace(path):
        trace = read_trace(path)
        return Recorded(path=path, form=Form.TRACE, recording=recording(trace), trace=trace)
    if path.suffix in {".csv", ".jsonl"}:
        return Recorded(path=path, form=Form.TABLE, recording=read_table(path, column))
    if column:
        raise BadTraceError(f"{path}: {shortened(column)} is no column: only .csv and .jsonl files have columns")
    if path.suffix == ".json":
        return Recorded(path=path, form=Form.TRAINER_STATE, recording=read_trainer_state(path))
    return Recorded(path=path, form=Form.PRINTED, recording=read_printed(path))


def _is_trace(path: Path) -> bool:
    try:
        first = parse_json(read_first_line(path))
    except UnreadableError:
        return True  # `read_trace` says what is wrong with it
    return isinstance(first, dict) and "kind" in first


def _kept(of: Recorded, metrics: Sequence[str]) -> Recorded:
    known = of.recording.metrics
    for metric in metrics:
        if metric not in known:
            raise BadTraceError(f"{of.path}: no metric {metric!r}; {nearest(metric, known)}")
    return Recorded(path=of.path, form=of.form, recording=only(of.recording, metrics), trace=of.trace)
