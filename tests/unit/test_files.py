from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from parity.errors import UnreadableError
from parity.files import is_file, is_folder, is_there, read_bytes, read_end, read_first_line, read_text, resolved


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


def test_of_a_first_line_nothing_after_it_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("\ufeff½\r\n".encode() + b"\xff\n" * 1_000)
    assert read_first_line(tmp_path / "a") == "½"
    (tmp_path / "a").write_bytes(b"only\rone")
    assert read_first_line(tmp_path / "a") == "only"
    (tmp_path / "a").write_bytes(b"\xff\n")
    with pytest.raises(UnreadableError, match=r"^not UTF-8, at byte 0$"):
        read_first_line(tmp_path / "a")
    with pytest.raises(UnreadableError, match="No such file or directory"):
        read_first_line(tmp_path / "none")


def test_of_a_log_of_any_size_the_end_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"first\n" * 1_000 + b"\xffend\n")
    assert read_end(tmp_path / "log", size=5) == "\ufffdend\n"
    assert read_end(tmp_path / "log", size=10**6).startswith("first\n")
