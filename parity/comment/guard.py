"""The last check of a comment before it is posted: finds what should have been escaped and was not.

It does not rely on any escaping. It looks in the text itself for what GitHub would turn into a mention, a link, a
commit, a picture, a formula or HTML, even if it is written in entities or behind backslashes, which do not stop a
mention.
"""

from __future__ import annotations

import html
import re

from parity.report.escape import APART, is_unseen, may_be_commit

LONGEST = 65_536
"""Characters that GitHub accepts at most."""

_TAG = re.compile(r"</?(details|summary)>|<br>")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_CHART = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<![\\`])`[A-Za-z0-9 .,=_/-]+`(?!`)")
_DRAWN = re.compile(r"[A-Za-z0-9 .,:'\"%#{}\[\]()+_-]*( --> -?[0-9.]+)?")
_MARKUP = {
    "<": "a tag",
    ">": "a tag",
    "`": "code or a fence",
    "~": "a fence",
    "[": "a link",
    "]": "a link",
    "$": "a formula",
}
_NOTICED = {
    "a mention": re.compile(f"@(?!{APART})"),
    "an address": re.compile(r"://|\bwww\.|\bmailto:|\bxmpp:", re.IGNORECASE),
    "a reference": re.compile(r"#[0-9]|\bGH-[0-9]", re.IGNORECASE),
    "a command": re.compile(r"^\s*/", re.MULTILINE),
}


def violation(body: str, *, marker: str, ending: str) -> str:
    """Why a comment must not be posted, in a few words; empty if it may be.

    Args:
        body: the comment.
        marker: its first line.
        ending: its last line, the only one that may hold a link; it must not contain text from outside.

    """
    if len(body) > LONGEST:
        return f"it has {len(body):,} characters; {LONGEST:,} are allowed"
    if not body.startswith(f"{marker}\n") or body.count("<!--") != 1:
        return "its marker is not its first line, or not its only HTML comment"
    if not body.endswith(f"\n{ending}\n"):
        return "its last line is not the expected one"
    text = body[len(marker) : -len(ending) - 1]
    if unseen := next((each for each in text if each in "\r\t\v\f" or (each != APART and is_unseen(each))), ""):
        return f"it has an invisible character, U+{ord(unseen):04X}"
    if found := _in_charts(text):
        return found
    text = _CHART.sub("", text)
    return _in_tags(text) or _in_markup(text) or _in_words(text)


def _in_charts(text: str) -> str:
    for chart in _CHART.findall(text):
        lines = chart.splitlines()
        if "xychart-beta" not in lines[:2] or not all(map(_DRAWN.fullmatch, lines)):
            return "it has a chart that is not one of ours"
    return ""


def _in_tags(text: str) -> str:
    """Checks the tags of the templates: each must be closed in the order in which they were opened."""
    opened: list[str] = []
    for tag in (found[0] for found in _TAG.finditer(text)):
        name = tag.strip("</>")
        if name == "br":
            continue
        if not tag.startswith("</"):
            opened.append(name)
        elif not opened or opened.pop() != name:
            return f"it closes {name}, which is not open"
    return f"it leaves {opened[-1]} open" if opened else ""


def _in_markup(text: str) -> str:
    bare = _ESCAPE.sub("", _CODE.sub("", _TAG.sub("", text)))
    return next((f"it has {what} that was not escaped" for sign, what in _MARKUP.items() if sign in bare), "")


def _in_words(text: str) -> str:
    read = html.unescape(_ESCAPE.sub(r"\1", text))
    if may_be_commit(html.unescape(_ESCAPE.sub(r"\1", _CODE.sub("", text)))):
        return "it has what may be a commit"
    return next((f"it has {what}" for what, pattern in _NOTICED.items() if pattern.search(read)), "")
