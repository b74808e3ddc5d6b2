"""Trace files: append-only JSON Lines, flushed line by line, and read back up to the last whole line.

Floats round-trip to the bit. NaN and infinities are strings, never `null`. A file that is cut
anywhere can be read up to its last whole line; its trace is then incomplete.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

from parity.errors import BadTraceError
from parity.jsonfloat import decode, dumps
from parity.probe.values import OUTCOMES
from parity.trace.values import SCHEMA, End, Ending, Executed, Header, Ignored, Outcome, Start, Step, Tensor, Trace

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


_SHOWN = 60
"""Characters of a wrong value in a message."""


class TraceWriter:
    """Appends lines to a new file and flushes each, so that a crash loses only the unwritten step."""

    def __init__(self, path: Path, header: Header) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("x", encoding="utf-8")
        self._ended = False
        self._write("header", asdict(header))

    def start(self, start: Start) -> None:
        """Writes what is known just before step 1."""
        self._write("start", asdict(start))

    def step(self, step: Step) -> None:
        """Writes one step."""
        row = asdict(step)
        reported = row.pop("reported")
        self._write("step", row | {f"reported_{name}": value for name, value in reported.items()})

    def end(self, end: End) -> None:
        """Writes what was read after the last step."""
        self._write("end", asdict(end))

    def outcome(self, outcome: Outcome) -> None:
        """Writes the outcomes of the trained model."""
        self._write("outcome", asdict(outcome))

    def close(self, ending: Ending) -> None:
        """Writes the ending; only the first call writes."""
        if not self._ended:
            self._write("ending", asdict(ending))
            self._ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.close(Ending(complete=False, why=f"{type(error).__name__}: {error}"))
        self._file.close()

    def _write(self, kind: str, row: dict[str, Any]) -> None:
        self._file.write(dumps({"kind": kind} | row) + "\n")
        self._file.flush()


def read_trace(path: Path) -> Trace:
    """Reads a trace up to its last whole line.

    Raises:
        BadTraceError: not a trace, a different schema, or damaged before its last line.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise BadTraceError(f"{path}: cannot be read ({reason}); a trace is JSON Lines") from None
    *whole, cut = text.split("\n")
    rows = [_row(path, number, line) for number, line in enumerate(whole, start=1)]
    if not rows or rows[0].get("kind") != "header":
        raise BadTraceError(f"{path}: not a trace: its first line is not a header; `parity run` writes traces")
    if (schema := rows[0].get("schema")) != SCHEMA:
        raise BadTraceError(
            f"{path}: schema {schema!r}, this parity reads {SCHEMA}; "
            "read it with the release that wrote it, or record it again"
        )
    return _assemble(path, rows, cut=bool(cut))


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()  # not half a character, which no report could show
    except (json.JSONDecodeError, UnicodeEncodeError):
        row = None
    if not isinstance(row, dict):
        raise BadTraceError(f"{path}:{number}: not a line of a trace; the file is damaged, record it again")
    return row


def _assemble(path: Path, rows: list[dict[str, Any]], *, cut: bool) -> Trace:
    header: Header | None = None
    start: Start | None = None
    steps: list[Step] = []
    end: End | None = None
    ending: Ending | None = None
    outcome: Outcome | None = None
    for number, row in enumerate(rows, start=1):
        kind = row.pop("kind", None)
        if ending is not None or (kind == "header" and header is not None):
            raise BadTraceError(f"{path}:{number}: unexpected {kind} line; are there two traces in this file?")
        try:
            match kind:
                case "header":
                    header = _typed(Header(**row))
                case "start":
                    start = _start(row)
                case "step":
                    steps.append(_step(row))
                case "end":
                    end = _end(row)
                case "outcome":
                    outcome = _outcome(row)
                case "ending":
                    ending = _typed(Ending(**row))
                case _:
                    raise BadTraceError(f"{path}:{number}: unknown kind of line {kind!r}; record it again")
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise BadTraceError(f"{path}:{number}: invalid {kind} line ({error})") from None
    assert header is not None
    why = "the file is cut in the middle of a line" if cut else "the arm ended without giving a reason"
    return Trace(
        header=header,
        start=start,
        steps=tuple(steps),
        end=end,
        ending=ending or Ending(complete=False, why=why),
        outcome=outcome,
    )


def _start(row: dict[str, Any]) -> Start:
    ignored = tuple(Ignored(**each) for each in row["ignored"])
    executed = tuple(Executed(**each | {"functions": tuple(each["functions"])}) for each in row["executed"])
    return Start(**row | _tensors(row, "loaded", "base", "trainable") | {"ignored": ignored, "executed": executed})


def _end(row: dict[str, Any]) -> End:
    sketch = tuple(decode(value) for value in row["sketch"])
    if not all(isinstance(value, float | int) and not isinstance(value, bool) for value in sketch):
        raise TypeError("sketch is not a list of numbers")
    patched = tuple(row["patched"])
    if not all(isinstance(name, str) for name in patched):
        raise TypeError("patched is not a list of names")
    return End(**row | _tensors(row, "base", "trainable") | {"sketch": sketch, "patched": patched})


def _tensors(row: dict[str, Any], *groups: str) -> dict[str, dict[str, Tensor]]:
    return {
        group: {name: Tensor(**value | {"shape": tuple(value["shape"])}) for name, value in row[group].items()}
        for group in groups
    }


def _step(row: dict[str, Any]) -> Step:
    row = {name: decode(value) for name, value in row.items()}
    own = {f.name for f in fields(Step)} - {"reported"}
    reported = {name.removeprefix("reported_"): row[name] for name in row if name.startswith("reported_")}
    if unknown := row.keys() - own - {f"reported_{name}" for name in reported}:
        raise ValueError(f"unknown field {min(unknown)!r}")
    for name, value in reported.items():
        if not _is_number(value):
            raise TypeError(f"reported_{name} is not a number: {_short(value)}")
    return _typed(Step(**{name: value for name, value in row.items() if name in own}, reported=reported))


def _outcome(row: dict[str, Any]) -> Outcome:
    """Checks the types of the judged outcomes; generated text stays text, even if it is `NaN`."""
    metrics = {name: decode(value) if name in OUTCOMES else value for name, value in row["metrics"].items()}
    for name, value in metrics.items():
        if name == "contains" and not isinstance(value, bool):
            raise TypeError(f"{name} is not true or false: {value!r}")
        if name in OUTCOMES and name != "contains" and not _is_number(value):
            raise TypeError(f"{name} is not a number: {_short(value)}")
    return Outcome(metrics=metrics)


_Line = TypeVar("_Line", Header, Step, Ending)


def _typed(line: _Line) -> _Line:
    """Checks that the plain fields of a line have their declared types."""
    for of in fields(line):
        value, wanted = getattr(line, of.name), str(of.type)
        fits = {
            "float": _is_number(value),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "str": isinstance(value, str),
            "bool": isinstance(value, bool),
        }.get(wanted, isinstance(value, dict))
        if not fits:
            article = {"float": "a number", "int": "a whole number", "str": "text", "bool": "true or false"}
            raise TypeError(f"{of.name} is not {article.get(wanted, 'a table')}: {_short(value)}")
    return line


def _is_number(value: object) -> bool:
    """Whether it is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, float | int):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _short(value: object) -> str:
    return repr(value) if len(repr(value)) <= _SHOWN else f"{repr(value)[:_SHOWN]}…"
