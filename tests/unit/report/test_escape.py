from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.report.escape import escaped, in_command, in_property, plain


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("a\n| b", "a \\| b"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("<!-- mlx-parity -->", "&lt;\\!-- mlx-parity --&gt;"),
        ("@team", "@\u200bteam"),
        ("mail a@b.example", "mail a@\u200bb.example"),
        ("https://a.example", "https://\u200ba.example"),
        ("www.a.example", "www.\u200ba.example"),
        ("see #12", "see \\#\u200b12"),
        ("owner/name#12", "owner/name\\#\u200b12"),
        ("GH-12", "GH-\u200b12"),
        ("![x](y)", "\\!\\[x\\]\\(y\\)"),
        ("```mermaid", "\\`\\`\\`mermaid"),
        ("$x$", "\\$x\\$"),
        ("a\u202eb\u200b\x1b[31mc\x00", "a b \\[31mc"),
        ("@\u200bteam", "@\u200b team"),
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
    assert "://" not in found.replace("://\u200b", "")


@given(st.text())
def test_a_plain_text_can_be_seen(text: str) -> None:
    assert plain(text).isprintable()


def test_a_workflow_command_ends_where_we_end_it() -> None:
    assert in_command("50%\n::set-output name=a::b") == "50%25 ::set-output name=a::b"
    assert in_property("a,b:c%\r\n") == "a%2Cb%3Ac%25"
