"""Makes text from outside harmless for its destination: parameter names, errors, file names, settings."""

from __future__ import annotations

import re
import unicodedata

_IGNORABLE = (
    *((0x00AD,), (0x034F,), (0x061C,), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F)),
    *((0x202A, 0x202E), (0x2060, 0x206F), (0x3164,), (0xFE00, 0xFE0F), (0xFEFF,), (0xFFA0,), (0xFFF0, 0xFFF8)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Unicode's Default_Ignorable_Code_Point: shown as nothing. Python's `unicodedata` does not have this property."""
_BLANK = ((0x2800,), (0x16FE4,), (0x1D159,))
"""Shown as an empty space, though their categories are those of characters that can be seen."""
_UNSEEN = {point for ends in (*_IGNORABLE, *_BLANK) for point in range(ends[0], ends[-1] + 1)}
_UNSEEN_KINDS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_SPACE = " \t\n\r\v\f"
_OPENS = "⟨"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_LINKS = re.compile(r"(@|:(?=//)|www(?=\.)|#(?=\d)|GH-(?=\d)|mailto(?=:)|xmpp(?=:))", re.IGNORECASE)
_HEX = re.compile(
    r"(?<![0-9a-z.])[0-9]{1,6}\.[0-9]+(?:e[+-]?[0-9]+)?(?![0-9a-z.])|(?<![0-9a-z])(?P<commit>[0-9a-f]{7,})(?![0-9a-z])",
    re.IGNORECASE,
)
"""What GitHub may take for a commit; before it a decimal fraction, which is left whole, so that it can be copied."""
_SIX = re.compile(r"[0-9a-f]{6}(?=[0-9a-f])", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9 .,=_/-]+")
APART = "\u200b"
"""A zero-width space, put inside what would be a mention, a link or a commit. After `://` it would become part of the
host's name, and browsers ignore it there.
"""


def is_unseen(character: str) -> bool:
    """Whether a character shows as nothing, as a space that is not one, or changes how others are shown."""
    if character in _SPACE:
        return False
    return ord(character) in _UNSEEN or unicodedata.category(character) in _UNSEEN_KINDS


def visible(text: object) -> str:
    """Each character that cannot be seen by its name, as `⟨U+200B⟩`, so that texts that differ look different."""
    said = str(text)
    if said.isascii() and said.isprintable():
        return said
    return "".join(f"⟨U+{ord(each):04X}⟩" if each == _OPENS or is_unseen(each) else each for each in said)


def plain(text: object) -> str:
    """One line of visible characters; those that cannot be seen are named, space is one space."""
    return " ".join(visible(text).split())


def escaped(text: object) -> str:
    """For markdown as GitHub renders it: no markup, no HTML, no mention, no link, no commit, no formula, one line."""
    quoted = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", _HEX.sub(_broken, _LINKS.sub(rf"\1{APART}", quoted)))


def may_be_commit(text: str) -> bool:
    """Whether a text has seven or more hexadecimal digits in a row that are no decimal fraction."""
    return any(found["commit"] for found in _HEX.finditer(text))


def as_code(text: object) -> str:
    """A command as inline code if its characters are plain, otherwise escaped."""
    said = plain(text)
    return f"`{said}`" if _CODE.fullmatch(said) else escaped(text)


def in_command(text: object) -> str:
    """For the message of a workflow command, which ends with its line, and in which `%` starts a code."""
    return plain(text).replace("%", "%25")


def in_property(text: object) -> str:
    """For a property of a workflow command, which a comma or a colon also ends."""
    return in_command(text).replace(":", "%3A").replace(",", "%2C")


def _broken(found: re.Match[str]) -> str:
    return _SIX.sub(rf"\g<0>{APART}", found[0]) if found["commit"] else found[0]
