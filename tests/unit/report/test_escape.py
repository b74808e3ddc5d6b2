from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.report.escape import (
    APART,
    as_code,
    escaped,
    in_command,
    in_property,
    is_unseen,
    may_be_commit,
    plain,
    visible,
)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("a\n| b", "a \\| b"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("<!-- mlx-parity -->", "&lt;\\!-- mlx-parity --&gt;"),
        ("@team", "@\u200bteam"),
        ("mail a@b.example", "mail a@\u200bb.example"),
        ("https://a.example", "https:\u200b//a.example"),
        ("www.a.example", "www\u200b.a.example"),
        ("see #12", "see \\#\u200b12"),
        ("owner/name#12", "owner/name\\#\u200b12"),
        ("GH-12", "GH-\u200b12"),
        ("![x](y)", "\\!\\[x\\]\\(y\\)"),
        ("```mermaid", "\\`\\`\\`mermaid"),
        ("$x$", "\\$x\\$"),
        ("a\u202eb\u200b\x1b[31mc\x00", "a⟨U\\+202E⟩b⟨U\\+200B⟩⟨U\\+001B⟩\\[31mc⟨U\\+0000⟩"),
        ("@\u200bteam", "@\u200b⟨U\\+200B⟩team"),
    ],
)
def test_nothing_from_outside_does_anything(text: str, harmless: str) -> None:
    assert escaped(text) == harmless


@given(st.text(alphabet=st.sampled_from("ab1@#:/.w<>!-`[]()|\\\n\r\t\u202e\u2028{}*_~$&")))
def test_whatever_it_is_it_is_one_line_without_markup(text: str) -> None:
    found = escaped(text)
    assert len(found.splitlines()) <= 1
    for character in "`*_[]()#!|~$":
        assert found.count(character) == found.count("\\" + character)
    assert not {"<", ">"} & set(found)
    assert "@" not in found.replace("@\u200b", "")
    assert "://" not in found


@given(st.text())
def test_a_plain_text_can_be_seen(text: str) -> None:
    assert plain(text).isprintable()


def test_a_workflow_command_ends_where_we_end_it() -> None:
    assert in_command("50%\n::set-output name=a::b") == "50%25 ::set-output name=a::b"
    assert in_property("a,b:c%\r\n") == "a%2Cb%3Ac%25"


SHA = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a1b2c3d", "a1b2c3\u200bd"),
        ("commit " + SHA[:14], "commit 0a1b2c\u200b3d4e5f\u200b60"),
        ("1234567", "123456\u200b7"),
        ("x.a1b2c3d", "x.a1b2c3\u200bd"),
        ("1.a1b2c3d", "1.a1b2c3\u200bd"),
        ("1234567.5", "123456\u200b7.5"),
        ("2026.10.1234567", "2026.10.123456\u200b7"),
        ("a1b2c3", "a1b2c3"),
        ("succeeded", "succeeded"),
        ("x_a1b2c3d", "x\\_a1b2c3\u200bd"),
        ("6.20044279", "6.20044279"),
        ("1.0000000474974513e-07", "1.0000000474974513e-07"),
    ],
)
def test_hexadecimal_digits_are_no_commit_and_a_fraction_is_left_whole(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text(alphabet="0123456789abcdefABCDEF. -/_@#", max_size=60))
def test_no_text_has_what_may_be_a_commit(text: str) -> None:
    assert not may_be_commit(escaped(text))


def test_a_digest_in_code_stays_whole() -> None:
    assert as_code(SHA) == f"`{SHA}`"


@pytest.mark.parametrize(
    "character",
    [
        *("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u3164", "\u115f", "\u1160", "\uffa0", "\u17b4"),
        *("\u180b", "\u180e", "\ufe00", "\ufe0f", "\U000e0100", "\U000e0041", "\u202e", "\u2066", "\u061c", "\u200f"),
        *("\u2028", "\x00", "\x1b", "\x7f", "\x85", "\u00a0", "\u2003", "\u3000", "\u2800", "\ue000", "\U0001d173"),
    ],
)
def test_a_character_that_cannot_be_seen_is_named(character: str) -> None:
    assert visible(f"a{character}b") == plain(f"a{character}b") == f"a⟨U+{ord(character):04X}⟩b"
    assert is_unseen(character)


IGNORABLE = st.sampled_from("\u200b\u3164\u115f\uffa0\ufe0f\u00ad\u202e\u2066\u034f\U000e0041\u2800\u180e⟨⟩U+02")
SEEN = st.characters(exclude_characters=" \t\n\r\v\f")


@given(st.text(alphabet=st.one_of(IGNORABLE, st.characters())))
def test_no_character_that_cannot_be_seen_survives(text: str) -> None:
    assert not any(map(is_unseen, plain(text)))
    assert not any(map(is_unseen, escaped(text).replace(APART, "")))


@given(st.text(alphabet=st.one_of(IGNORABLE, SEEN)), st.text(alphabet=st.one_of(IGNORABLE, SEEN)))
def test_texts_that_differ_are_shown_differently(left: str, right: str) -> None:
    assert (plain(left) == plain(right)) is (left == right)
    assert (escaped(left).replace(APART, "") == escaped(right).replace(APART, "")) is (left == right)


@given(st.text(alphabet=st.one_of(IGNORABLE, SEEN), max_size=8), IGNORABLE, st.integers(0, 8))
def test_one_more_character_that_cannot_be_seen_shows(text: str, more: str, at: int) -> None:
    assert plain(text[:at] + more + text[at:]) != plain(text)
