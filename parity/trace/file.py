"""Trace files: append-only JSON Lines, flushed line by line, and read back up to the last whole line.

Floats round-trip to the bit. NaN and infinities are strings; `null` is what could not be seen. A file that is cut
anywhere can be read up to its last whole line; its trace is then incomplete.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

from parity.errors import BadTraceError, UnreadableError, shortened
from parity.files import read_text
from parity.jsonfloat import decode, dumps
from parity.parsing import parse_json
from parity.probe.values import OUTCOMES
from parity.trace.values import SCHEMA, End, Ending, Executed, Header, Ignored, Outcome, Start, Step, Tensor, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

_LARGEST_COUNT = 2**53
"""Of steps, tokens and seeds: what a table of numbers holds exactly."""
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
        text = read_text(path)
    except UnreadableError as error:
        raise BadTraceError(f"{path}: cannot be read ({error}); a trace is JSON Lines") from None
    *whole, cut = text.split("\n")
    rows = [_row(path, number, line) for number, line in enumerate(whole, start=1)]
    if not rows or rows[0].get("kind") != "header":
        raise BadTraceError(f"{path}: not a trace: its first line is not a header; `parity run` writes traces")
    if (schema := rows[0].get("schema")) != SCHEMA:
        raise BadTraceError(
            f"{path}: schema {shortened(repr(schema))}, this parity reads {SCHEMA}; "
            "read it with the release that wrote it, or record it again"
        )
    if cut and rows[-1].get("kind") == "ending":
        raise BadTraceError(f"{path}: {len(cut):,} characters after its ending; are there two traces in this file?")
    return _assemble(path, rows, cut=bool(cut))


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = parse_json(line, ours=True)
    except UnreadableError:
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
        there = {"header": header, "start": start, "end": end, "outcome": outcome}
        if ending is not None or (isinstance(kind, str) and there.get(kind) is not None):
            said = shortened(kind)
            raise BadTraceError(f"{path}:{number}: unexpected {said} line; are there two traces in this file?")
        try:
            match kind:
                case "header":
                    header = _header(row)
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
                    raise BadTraceError(
                        f"{path}:{number}: unknown kind of line {shortened(repr(kind))}; record it again"
                    )
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise BadTraceError(f"{path}:{number}: invalid {kind} line ({shortened(error)})") from None
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


def _header(row: dict[str, Any]) -> Header:
    header = _typed(Header(**row))
    if not isinstance(header.declared.get("provider"), str):
        raise TypeError("declared names no provider")
    if said := _misplaced(header.provenance):
        raise TypeError(f"provenance says nothing of {said}, or not as a trace does")
    return header


def _misplaced(provenance: Mapping[str, Any]) -> str:
    """The first thing in a provenance that is not of the kind that its readers rely on; empty if there is none."""
    device = provenance.get("device")
    texts = {name: provenance.get(name) for name in ("python", "platform", "system", "machine", "libc", "compiler")}
    if isinstance(device, dict):
        texts |= {"device.type": device.get("type"), "device.name": device.get("name")}
    kinds = {
        **{name: isinstance(text, str) for name, text in texts.items()},
        "device": isinstance(device, dict) and isinstance(device.get("deterministic"), bool),
        "versions": _is_table(provenance.get("versions"), str),
        "environment": _is_table(provenance.get("environment", {}), str),
        "claims": isinstance(claims := provenance.get("claims", []), list) and all(isinstance(n, str) for n in claims),
        "upstream": _is_table(provenance.get("upstream", {}), str),
    }
    return next((name for name, fits in kinds.items() if not fits), "")


def _is_table(value: object, of: type) -> bool:
    return isinstance(value, dict) and all(isinstance(each, of) for each in value.values())


def _start(row: dict[str, Any]) -> Start:
    ignored = tuple(_typed(Ignored(**each)) for each in row["ignored"])
    executed = tuple(_typed(Executed(**each | {"functions": tuple(each["functions"])})) for each in row["executed"])
    tensors = _tensors(row, "loaded", "base", "trainable")
    return _typed(Start(**row | tensors | {"ignored": ignored, "executed": executed}))


def _end(row: dict[str, Any]) -> End:
    lists = {
        "sketch": tuple(decode(value) for value in row["sketch"]),
        "patched": tuple(row["patched"]),
        "idle": tuple(row["idle"]),
    }
    saved = {"saved": None} if row["saved"] is None else _tensors(row, "saved")
    for name in ("modules", "saved_settings"):
        if row[name] is not None and not _is_table(row[name], str):
            raise TypeError(f"{name} is not a table of texts")
    return _typed(End(**row | _tensors(row, "base", "trainable") | saved | lists))


def _tensors(row: dict[str, Any], *groups: str) -> dict[str, dict[str, Tensor]]:
    return {
        group: {name: _typed(Tensor(**value | {"shape": tuple(value["shape"])})) for name, value in row[group].items()}
        for group in groups
    }


def _step(row: dict[str, Any]) -> Step:
    row = {name: decode(value) for name, value in row.items()}
    own = {f.name for f in fields(Step)} - {"reported"}
    reported = {name.removeprefix("reported_"): row[name] for name in row if name.startswith("reported_")}
    for name, value in reported.items():
        if not _is_number(value):
            raise TypeError(f"reported_{name} is not a number: {_short(value)}")
    if unknown := row.keys() - own - {f"reported_{name}" for name in reported}:
        raise ValueError(f"unknown field {min(unknown)!r}")
    if not _is_table(row.get("random", {}), str):
        raise TypeError("random is not a table of texts")
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


_Line = TypeVar("_Line", Header, Start, Tensor, Ignored, Executed, Step, End, Ending)


def _typed(line: _Line) -> _Line:
    """Checks that the plain fields of a line have their declared types."""
    for of in fields(line):
        value, wanted = getattr(line, of.name), str(of.type)
        if wanted.endswith(" | None"):
            if value is None:
                continue
            wanted = wanted.removesuffix(" | None")
        is_bool = isinstance(value, bool)
        parts = value if isinstance(value, tuple) else ()
        fits = {
            "Any": True,
            "float": _is_number(value),
            "int": isinstance(value, int) and not is_bool and abs(value) <= _LARGEST_COUNT,
            "str": isinstance(value, str),
            "bool": is_bool,
            "tuple[str, ...]": all(isinstance(part, str) for part in parts),
            "tuple[float, ...]": all(_is_number(part) for part in parts),
            "tuple[int, ...]": all(isinstance(part, int) for part in parts),
        }.get(wanted, isinstance(value, tuple if wanted.startswith("tuple") else dict))
        if not fits:
            article = {"float": "a number", "int": "a whole number", "str": "text", "bool": "true or false"}
            known = "a list of its kind" if wanted.startswith("tuple") else "a table"
            raise TypeError(f"{of.name} is not {article.get(wanted, known)}: {_short(value)}")
    return line


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _short(value: object) -> str:
    return shortened(repr(value), longest=_SHOWN)
