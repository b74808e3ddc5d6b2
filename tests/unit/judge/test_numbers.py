"""A table of nothing but numbers is read at once, and to the bit as the careful reader reads it, field by field."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.errors import BadTraceError
from parity.judge import logs
from parity.judge.numbers import csv_numbers, json_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from parity.judge.diff import Recording

FIELDS = st.one_of(
    st.floats().map(repr),
    st.floats(width=32).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        ["", "nan", "NaN", "-nan", "inf", "-Infinity", "INF", "1e400", "-0.0", "5e-324", "1" * 320, "+1", "01"]
    ),
    st.sampled_from(
        [".5", "1.", "1e5", "1E-5", "1e", "e5", "-", "1-2", "1_0", " 1", "1 ", "0x1", "true", "null", '"NaN"']
    ),
    st.text(alphabet="0123456789+-.eE", max_size=25),
    st.decimals(allow_nan=False, allow_infinity=False, places=30).map(str),
)
STEPS = st.one_of(st.integers(0, 30).map(str), FIELDS)
ROWS = st.lists(st.lists(FIELDS, min_size=2, max_size=2), min_size=1, max_size=6)
HEADERS = st.sampled_from(
    ["step,loss,lr", "iter,train_loss,note", " step, loss,lr", "loss,lr,step", "step,loss,train_loss"]
)


def read(path: Path, text: str, *, at_once: bool, monkeypatch: pytest.MonkeyPatch) -> object:
    """Every row to the bit, or the message."""
    path.write_bytes(text.encode())
    with monkeypatch.context() as patch:
        if not at_once:
            patch.setattr(logs, "_of_numbers", lambda *_: None)
        try:
            return bits(logs.read_table(path))
        except BadTraceError as error:
            return str(error)


def bits(of: Recording) -> list[tuple[int, dict[str, bytes]]]:
    return [(step, {name: struct.pack("d", value) for name, value in sorted(row.items())}) for step, row in of.rows]


def alike(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, careful = (read(path, text, at_once=at_once, monkeypatch=monkeypatch) for at_once in (True, False))
    assert found == careful


@given(
    header=HEADERS,
    rows=ROWS,
    steps=st.lists(STEPS, min_size=6, max_size=6),
    end=st.sampled_from(["\n", "\r\n", "", ",\n"]),
)
def test_csv_is_read_as_the_careful_reader_reads_it(
    tmp_path_factory: pytest.TempPathFactory, header: str, rows: list[list[str]], steps: list[str], end: str
) -> None:
    lines = [f"{step},{','.join(row)}" for step, row in zip(steps, rows, strict=False)]
    text = (end if end.strip("\r") == "\n" else "\n").join([header, *lines]) + end
    with pytest.MonkeyPatch.context() as patch:
        alike(tmp_path_factory.mktemp("log") / "a.csv", text, patch)


@given(rows=ROWS, steps=st.lists(STEPS, min_size=6, max_size=6), tight=st.booleans(), last=st.sampled_from(["", "\n"]))
def test_json_lines_are_read_as_the_careful_reader_reads_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], steps: list[str], tight: bool, last: str
) -> None:
    colon, comma = (":", ",") if tight else (": ", ", ")
    names = ("step", "loss", "lr")
    lines = [
        "{" + comma.join(f'"{name}"{colon}{field}' for name, field in zip(names, (step, *row), strict=True)) + "}"
        for step, row in zip(steps, rows, strict=False)
    ]
    with pytest.MonkeyPatch.context() as patch:
        alike(tmp_path_factory.mktemp("log") / "a.jsonl", "\n".join(lines) + last, patch)


@pytest.mark.parametrize(
    "text",
    [
        "step,loss\n1,2.5\n2\n3,1,2\n",  # one field too few, one too many: the sum is right
        "step,loss\n1,2.5,3\n2,1.5,3\n",
        "step,loss\n1,2.5\n\n2,1.5\n# done\n",
        "# a run\n\nstep,loss\n1,2.5\n",
        "step,loss\n1,\n2,nan\n",
        "step,loss\n,\n",
        '"step",loss\n1,2.5\n',
        "step\n1\n",
        "\ufeffstep,loss\n1,2.5\n",
        "step,loss,mood\n1,2.5,\n2,1.5,\n",
        "",
    ],
)
def test_tables_with_something_to_say_are_read_alike(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike(tmp_path / "a.csv", text, monkeypatch)


@pytest.mark.parametrize(
    "lines",
    [
        ['{"step": 1, "loss": 1.0}', '{"loss": 1.0, "step": 2}'],
        ['{"step": 1, "lr": 0.1, "loss": 1.0}', '{"step": 2, "loss": 0.1, "lr": 1.0}'],
        ['{"step": 1, "loss": 1.0}', '{"step": 2, "loss": "Infinity}'],
        ['{"step": 1, "loss": 1.0}', '{"step": 2, "loss": "-Infinity"}', '{"step": 3, "loss": NaN}'],
        ['{"step": 1, "loss": 1.0, "loss": 2.0}'],
        ['{"step": 1, "loss": 1.0}, {"step": 2, "loss": 1.0}'],
        ['{"step": 1, "loss": [1.0]}'],
        ['{"step": 1, "loss": \x021.0}'],
        ['{"step": 1\x02 1.0}', '{"step": 1, "loss": 1.0}'],
        ['{"step": 1, "loss": ' + "1" * 305 + "}"],
        ['{"step": 1, "a\\"b": 1.0}', '{"step": 2, "a\\"b": 2.0}'],
        ["{}"],
        ["[1, 2]"],
    ],
)
def test_lines_of_another_form_are_read_alike(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alike(tmp_path / "a.jsonl", "\n".join(lines) + "\n", monkeypatch)


def test_what_is_usual_is_read_at_once() -> None:
    rows: list[dict[str, Any]] = [{"step": number, "loss": 1 / number, "lr": 1e-05} for number in range(1, 4)]
    text = "step,loss,lr\n" + "".join(f"{row['step']},{row['loss']},{row['lr']}\n" for row in rows)
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    expected = {name: [row[name] for row in rows] for name in ("step", "loss", "lr")}
    for found in (
        csv_numbers(text.encode()),
        csv_numbers(text.replace("\n", "\r\n").encode()),
        json_numbers(lines.encode()),
    ):
        assert found is not None
        assert {name: values.tolist() for name, values in found[0].items()} == expected


def test_chunks_end_at_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(json.dumps({"step": number, "loss": number / 7}) + "\n" for number in range(100)).encode()
    whole = json_numbers(lines)
    monkeypatch.setattr("parity.judge.numbers._CHUNK", 50)
    parts = json_numbers(lines.rstrip())
    assert whole is not None
    assert parts is not None
    assert whole[0]["loss"].tolist() == parts[0]["loss"].tolist() == [number / 7 for number in range(100)]
