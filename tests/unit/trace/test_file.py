from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.errors import BadTraceError
from parity.trace.file import TraceWriter, read_trace
from parity.trace.values import Ending, Step
from tests.unit.made import END, HEADER, START, step

if TYPE_CHECKING:
    from pathlib import Path

hexadecimal = st.text("0123456789abcdef", min_size=16, max_size=16)
number = st.floats(width=32)
steps = st.builds(
    Step,
    step=st.integers(1, 10**6),
    found=st.none() | hexadecimal,
    batch=st.none() | hexadecimal,
    loss=st.none() | number,
    tokens=st.none() | st.integers(0, 2**32 - 1),
    grad_norm=st.none() | number,
    gradient=st.none() | hexadecimal,
    clipped_norm=number,
    clipped=hexadecimal,
    lr=st.none() | number,
    counter=st.none() | st.integers(0, 2**32 - 1),
    params=hexadecimal,
    reported=st.dictionaries(st.sampled_from(["loss", "lr", "grad_norm"]), number),
)


def write(path: Path, *rows: Step, ending: Ending | None = None) -> Path:
    with TraceWriter(path, HEADER) as writer:
        writer.start(START)
        for row in rows:
            writer.step(row)
        if ending is not None:
            writer.end(END)
            writer.close(ending)
    return path


def same(left: Step, right: Step) -> bool:
    """Equal to the bit: a NaN is a NaN, and 0.0 is not -0.0."""
    return repr(left) == repr(right)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(steps, max_size=5))
def test_every_float_comes_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, rows: list[Step]) -> None:
    path = write(tmp_path_factory.mktemp("trace") / "t.jsonl", *rows, ending=Ending(complete=True))
    back = read_trace(path)
    assert back.header == HEADER
    assert back.start == START
    assert len(back.steps) == len(rows)
    assert all(map(same, back.steps, rows))


def test_non_finite_floats_are_words_and_never_null(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", step(1, loss=math.nan, grad_norm=math.inf, lr=-math.inf))
    text = path.read_text()
    assert '"loss": "NaN"' in text
    assert '"grad_norm": "Infinity"' in text
    assert '"lr": "-Infinity"' in text
    assert "null" not in text


def test_a_line_a_step_is_there_before_the_next_one(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        writer.step(step(1))
        assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 2


def test_a_trace_is_never_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", step(1))
    with pytest.raises(FileExistsError):
        TraceWriter(path, HEADER)


def test_a_file_cut_anywhere_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    whole = write(tmp_path / "t.jsonl", step(1), step(2), ending=Ending(complete=True)).read_bytes()
    header_ends = whole.index(b"\n") + 1
    ending_starts = whole.rindex(b"\n", 0, -1) + 1
    cut = tmp_path / "cut.jsonl"
    for length in range(header_ends, len(whole)):
        cut.write_bytes(whole[:length])
        back = read_trace(cut)
        assert not back.ending.complete
        complete_lines = whole[:length].count(b"\n")
        assert len(back.steps) == max(0, min(2, complete_lines - 2))
        if length > ending_starts:
            assert back.ending.why == "the file is cut in the middle of a line"


def test_an_exception_is_the_ending(tmp_path: Path) -> None:
    def fail() -> None:
        with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
            writer.step(step(1))
            raise RuntimeError("no room \udcff")

    with pytest.raises(RuntimeError):
        fail()
    assert read_trace(tmp_path / "t.jsonl").ending == Ending(complete=False, why="RuntimeError: no room \\udcff")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.jsonl: not a trace: its first line is not a header; `parity run` writes traces"),
        ("step,loss\n1,2\n", "t.jsonl:1: not a line of a trace; the file is damaged, record it again"),
        ("[]\n", "t.jsonl:1: not a line of a trace; the file is damaged, record it again"),
        (
            '{"kind": "header", "schema": 99}\n',
            "t.jsonl: schema 99, this parity reads 4; read it with the release that wrote it, or record it again",
        ),
        (
            '{"kind": "header", "schema": 4}\n',
            "t.jsonl:1: invalid header line (Header.__init__() missing 6 required keyword-only "
            "arguments: 'probe', 'arm', 'seed', 'steps', 'declared', and 'provenance')",
        ),
    ],
)
def test_what_is_no_trace_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(content)
    with pytest.raises(BadTraceError) as error:
        read_trace(tmp_path / "t.jsonl")
    assert str(error.value) == f"{tmp_path}/{message}"


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadTraceError, match=r"cannot be read \(No such file or directory\)"):
        read_trace(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clipped_norm": None}, "clipped_norm is not a number: None"),
        ({"loss": "much"}, "loss is not a number: 'much'"),
        ({"mood": 1}, "unknown field 'mood'"),
        ({"kind": "poem"}, "unknown kind of line 'poem'"),
        ({"step": None}, "step is not a whole number: None"),
        ({"tokens": 1.5}, "tokens is not a whole number: 1.5"),
        ({"batch": 7}, "batch is not text: 7"),
    ],
)
def test_a_damaged_step_is_not_read(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    path = write(tmp_path / "t.jsonl", step(1))
    lines = path.read_text().splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | changed)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(BadTraceError, match=message):
        read_trace(path)


@pytest.mark.parametrize("line", [0, 2])
def test_two_traces_in_one_file_are_none(tmp_path: Path, line: int) -> None:
    path = write(tmp_path / "t.jsonl", step(1), ending=Ending(complete=True))
    again = path.read_text().splitlines()[line]
    with path.open("a") as file:
        file.write(again + "\n")
    with pytest.raises(BadTraceError, match="are there two traces in this file"):
        read_trace(path)


def test_a_header_of_wrong_types_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl")
    header, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps(json.loads(header) | {"provenance": "here"}) + "\n" + rest)
    with pytest.raises(BadTraceError, match="provenance is not a table: 'here'"):
        read_trace(path)


def test_a_missing_field_is_not_filled_in(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", step(1))
    lines = path.read_text().splitlines()
    row = json.loads(lines[2])
    del row["grad_norm"]
    path.write_text("\n".join([*lines[:2], json.dumps(row)]) + "\n")
    with pytest.raises(BadTraceError, match="grad_norm"):
        read_trace(path)


def test_reported_values_stay_beside_the_tapped_ones(tmp_path: Path) -> None:
    row = replace(step(1), reported={"loss": 9.0, "grad_norm": 1.0})
    back = read_trace(write(tmp_path / "t.jsonl", row)).steps[0]
    assert back.loss == 1.5
    assert back.reported == {"loss": 9.0, "grad_norm": 1.0}


@pytest.mark.parametrize("value", ["1.5", [1.5], True])
def test_a_reported_value_that_is_no_number_is_not_read(tmp_path: Path, value: object) -> None:
    path = tmp_path / "t.jsonl"
    with TraceWriter(path, HEADER) as writer:
        writer.step(step(1))
    line = path.read_text().splitlines()[1]
    path.write_text(path.read_text() + json.dumps(json.loads(line) | {"reported_loss": value}) + "\n")
    with pytest.raises(BadTraceError, match=r"t\.jsonl:3: invalid step line \(reported_loss is not a number: "):
        read_trace(path)


@pytest.mark.parametrize("line", [1, 3])
def test_a_second_start_or_end_is_no_trace(tmp_path: Path, line: int) -> None:
    path = write(tmp_path / "t.jsonl", step(1), ending=Ending(complete=True))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], lines[line], *lines[4:]]) + "\n")
    kind = {1: "start", 3: "end"}[line]
    with pytest.raises(BadTraceError, match=rf":5: unexpected {kind} line; are there two traces in this file\?$"):
        read_trace(path)


def test_bytes_after_an_ending_are_no_trace(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", step(1), ending=Ending(complete=True))
    with path.open("a") as file:
        file.write("x")
    with pytest.raises(BadTraceError, match=r": 1 characters after its ending; are there two traces in this file\?$"):
        read_trace(path)


@pytest.mark.parametrize(
    ("line", "changed", "message"),
    [
        (0, {"declared": {}}, "declared names no provider"),
        (0, {"provenance": {}}, "provenance says nothing of python, or not as a trace does"),
        (0, {"provenance": dict(HEADER.provenance) | {"device": 1}}, "provenance says nothing of device, or"),
        (0, {"provenance": dict(HEADER.provenance) | {"claims": "x"}}, "provenance says nothing of claims, or"),
        (0, {"provenance": dict(HEADER.provenance) | {"upstream": [1]}}, "provenance says nothing of upstream, or"),
        (0, {"seed": 2**60}, "seed is not a whole number: 1152921504606846976"),
        (1, {"effective": []}, "effective is not a table: []"),
        (1, {"executed": [{"distribution": 1, "path": "", "digest": "", "functions": []}]}, "distribution is not text"),
        (1, {"ignored": [{"name": 1, "asked": 1, "effective": 1, "why": ""}]}, "name is not text: 1"),
        (1, {"base": {"a": {"dtype": "x", "shape": ["a"], "digest": ""}}}, "shape is not a list of its kind: ('a',)"),
        (2, {"reported_loss": "much"}, "reported_loss is not a number: 'much'"),
        (2, {"step": 2**60}, "step is not a whole number: 1152921504606846976"),
        (3, {"traced": "often"}, "traced is not a whole number: 'often'"),
    ],
)
def test_a_line_of_wrong_types_is_not_read(tmp_path: Path, line: int, changed: dict[str, object], message: str) -> None:
    path = write(tmp_path / "t.jsonl", step(1), ending=Ending(complete=True))
    lines = path.read_text().splitlines()
    lines[line] = json.dumps(json.loads(lines[line]) | changed)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(BadTraceError, match=re.escape(message)):
        read_trace(path)
