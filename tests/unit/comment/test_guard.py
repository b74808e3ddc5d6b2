from __future__ import annotations

import pytest

from parity.comment.guard import LONGEST, violation
from parity.report.markdown import render_comment
from tests.unit.comment.made import ASKED, ENDING, result, unexpected

APART = "\u200b"


def of(text: str) -> str:
    return violation(f"{ASKED.marker}\n\n{text}\n\n{ENDING}\n", marker=ASKED.marker, ending=ENDING)


@pytest.mark.parametrize(
    "text",
    [
        render_comment(result()),
        render_comment(unexpected()),
        f"@{APART}team, a\\#{APART}1, https:{APART}//a.example, www{APART}.a.example, GH-{APART}1",
        "&lt;script&gt; \\[x\\]\\(y\\) \\`code\\` \\$x\\$ 5 &amp; 6",
        f"a1b2c3{APART}d and `a1b2c3d4e5f6` and 6.20044279",
        "see `parity report` and <details><summary>more</summary>\n\na<br>b\n\n</details>",
    ],
)
def test_what_our_reports_say_passes(text: str) -> None:
    assert of(text) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<!-- mlx-parity run=5 -->", "its marker is not its first line, or not its only HTML comment"),
        ("<!--", "its marker is not its first line, or not its only HTML comment"),
        ("@team", "it has a mention"),
        ("\\@team", "it has a mention"),
        ("&#64;team", "it has a mention"),
        ("&#x40;team", "it has a mention"),
        ("&commat;team", "it has a mention"),
        ("`@team`", "it has code or a fence that was not escaped"),
        ("a@b.example", "it has a mention"),
        ("see #1", "it has a reference"),
        ("see \\#1", "it has a reference"),
        ("see &#35;1", "it has a reference"),
        ("owner/other#1", "it has a reference"),
        ("gh-1", "it has a reference"),
        ("https://a.example", "it has an address"),
        ("https&#58;//a.example", "it has an address"),
        (f"https://{APART}a.example", "it has an address"),
        ("WWW.a.example", "it has an address"),
        ("mailto:a", "it has an address"),
        ("[x](y)", "it has a link that was not escaped"),
        ("[x]: y", "it has a link that was not escaped"),
        ("![x][y]", "it has a link that was not escaped"),
        ("\\\\[x\\\\](y)", "it has a link that was not escaped"),
        ("<script>", "it has a tag that was not escaped"),
        ("<details open>", "it has a tag that was not escaped"),
        ("<img src=x>", "it has a tag that was not escaped"),
        ("<b", "it has a tag that was not escaped"),
        ("> quoted", "it has a tag that was not escaped"),
        ("$x$", "it has a formula that was not escaped"),
        ("```\ncode\n```", "it has code or a fence that was not escaped"),
        ("~~~\ncode\n~~~", "it has a fence that was not escaped"),
        ("</details>", "it closes details, which is not open"),
        ("<details><summary></details></summary>", "it closes details, which is not open"),
        ("<details>", "it leaves details open"),
        ("/approve", "it has a command"),
        ("a\n  /approve", "it has a command"),
        ("a1b2c3d", "it has what may be a commit"),
        ("a&#49;b2c3d", "it has what may be a commit"),
        ("commit " + "0a" * 20, "it has what may be a commit"),
        ("a\u3164b", "it has an invisible character, U+3164"),
        ("a\ufe0fb", "it has an invisible character, U+FE0F"),
        ("a\U000e0041b", "it has an invisible character, U+E0041"),
        ("a\u202eb", "it has an invisible character, U+202E"),
        ("a\x1bb", "it has an invisible character, U+001B"),
        ("a\rb", "it has an invisible character, U+000D"),
        ("a\ud800b", "it has an invisible character, U+D800"),
        ("```mermaid\ngraph TD\n```", "it has a chart that is not one of ours"),
        ('```mermaid\nxychart-beta\ntitle "<b>"\n```', "it has a chart that is not one of ours"),
        ("```mermaid\nxychart-beta\nclick A href /x\n```", "it has a chart that is not one of ours"),
    ],
)
def test_what_was_not_escaped_is_found(text: str, found: str) -> None:
    assert of(text) == found


def test_a_comment_has_one_marker_one_ending_and_a_length() -> None:
    whole = f"{ASKED.marker}\n\nx\n\n{ENDING}\n"
    assert violation(whole, marker=ASKED.marker, ending=ENDING) == ""
    assert violation(f"x\n{whole}", marker=ASKED.marker, ending=ENDING).startswith("its marker")
    assert violation(whole + "more\n", marker=ASKED.marker, ending=ENDING) == "its last line is not the expected one"
    assert violation(f"{ASKED.marker}\n\n{ENDING}\n{ENDING}\n", marker=ASKED.marker, ending=ENDING) != ""
    assert of("x" * LONGEST) == f"it has {LONGEST + len(whole) - 1:,} characters; 65,536 are allowed"
