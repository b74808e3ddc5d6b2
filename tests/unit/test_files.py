from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from parity.files import (
    DEEPEST,
    LONGEST_NUMBER,
    UnreadableError,
    is_file,
    is_folder,
    is_there,
    parse_json,
    parse_toml,
    read_bytes,
    read_end,
    read_text,
    resolved,
)


def refused(path: Path) -> str:
    with pytest.raises(UnreadableError) as error:
        read_text(path)
    assert not is_file(path)
    return str(error.value)


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path / "fifo") == "not a plain file"
    assert refused(Path("/dev/zero")) == "not a plain file"
    assert refused(tmp_path) == "Is a directory"
    assert refused(tmp_path / "none") == "No such file or directory"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert refused(tmp_path / "socket")


def test_a_path_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    for name, why in {
        "one": "Too many levels of symbolic links",
        "n" * 300: "a name of 300 bytes; 255 are allowed",
        "½" * 128: "a name of 256 bytes; 255 are allowed",
        "d/" * 2_000: f"a path of {len(str(tmp_path)) + 4_000:,} bytes; 4,000 are allowed",
        "a\0b": "a path with a NUL",
        "a\ud800": "a path that is not UTF-8, and no report could name",
    }.items():
        path = tmp_path / name
        assert refused(path) == why
        assert (is_folder(path), is_there(path)) == (False, False)
        with pytest.raises(UnreadableError, match=why):
            resolved(path)


def test_a_file_may_have_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert read_bytes(tmp_path / "a", largest=10) == b"x" * 10
    with pytest.raises(UnreadableError, match=r"^it has 10 bytes; 9 are allowed$"):
        read_bytes(tmp_path / "a", largest=9)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux has such files")
def test_a_file_that_says_nothing_of_its_size_is_read_up_to_the_limit() -> None:
    with pytest.raises(UnreadableError, match="it has 11 bytes; 10 are allowed"):
        read_bytes(Path("/proc/self/maps"), largest=10)


def test_text_is_utf_8_with_plain_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("\ufeff½\r\nb\rc\n".encode())
    assert read_text(tmp_path / "a") == "½\nb\nc\n"
    (tmp_path / "a").write_bytes(b"abc\xff")
    with pytest.raises(UnreadableError, match=r"^not UTF-8, at byte 3$"):
        read_text(tmp_path / "a")


def test_of_a_log_of_any_size_the_end_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"first\n" * 1_000 + b"\xffend\n")
    assert read_end(tmp_path / "log", size=5) == "\ufffdend\n"
    assert read_end(tmp_path / "log", size=10**6).startswith("first\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value, at character 1"),
        ('{"a": 1,', "Expecting property name enclosed in double quotes, at character 9"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested more than 100 levels deep"),
        ('{"a":' * 10**5, "nested more than 100 levels deep"),
        ("[" * 10**6, "nested more than 100 levels deep"),
        ("1" * (LONGEST_NUMBER + 1), "a whole number of more than 300 digits"),
        ("1" * 5_000, "a whole number of more than 300 digits"),
        (r'["\ud800"]', "a text with half a character"),
        (r'{"\uDFFF": 1}', "a text with half a character"),
    ],
)
def test_json_that_no_reader_takes(text: str, why: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse_json(text)
    assert str(error.value) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e400", "a number that is too large"),
        ('{"a": 1, "a": 1}', "a key appears twice"),
    ],
)
def test_json_that_this_tool_does_not_write_is_that_of_others(text: str, why: str) -> None:
    parse_json(text)
    with pytest.raises(UnreadableError) as error:
        parse_json(text, ours=True)
    assert str(error.value) == why


def test_json_is_read_as_it_is_written() -> None:
    many = [{"a": ["]", '"[', "\\", "½", "\U0001f600"]}] * 200
    assert parse_json(json.dumps(many), ours=True) == many
    assert parse_json("[" * DEEPEST + "]" * DEEPEST) is not None
    assert float(parse_json("9" * LONGEST_NUMBER)) < float("inf")
    assert parse_json("-0.0", ours=True).hex() == "-0x0.0p+0"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = ", "Invalid value (at end of document)"),
        ("a = " + "[" * 1_000, "nested more than 100 levels deep"),
        ("a." * 1_000 + "b = 1", "nested more than 100 levels deep"),
        ("a." * 250_000 + "b = 1", "nested more than 100 levels deep"),
        ('"a" . ' * 1_000 + "b = 1", "nested more than 100 levels deep"),
        ("[" + "a." * 1_000 + "b]", "nested more than 100 levels deep"),
        ("a = " + "{a=" * 99 + "[[1]]" + "}" * 99, "nested more than 100 levels deep"),
        ("a = " + "1" * 301, "a whole number of more than 300 digits"),
        ("a = [-" + "1" * 5_000 + "]", "a whole number of more than 300 digits"),
    ],
)
def test_toml_that_no_reader_takes(text: str, why: str) -> None:
    with pytest.raises(UnreadableError) as error:
        parse_toml(text)
    assert str(error.value) == why
