"""Makes text from outside harmless for its destination: parameter names, errors, file names, settings."""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_LINKS = re.compile(r"(@|:(?=//)|www(?=\.)|#(?=\d)|GH-(?=\d)|mailto(?=:)|xmpp(?=:))", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9 .,=_/-]+")
APART = "\u200b"
"""A zero-width space, put inside what would begin a mention or a link. After `://` it would become part of the host's
name, and browsers ignore it there.
"""


def plain(text: object) -> str:
    """One line of visible characters: no control characters, none that change the direction of writing."""
    return " ".join("".join(" " if _is_unseen(each) else each for each in str(text)).split())


def escaped(text: object) -> str:
    """For markdown as GitHub renders it: no markup, no HTML, no mention, no link, no formula, one line."""
    quoted = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", _LINKS.sub(rf"\1{APART}", quoted))


def as_code(text: object) -> str:
    """A command as inline code if its characters are plain, otherwise escaped."""
    said = plain(text)
    return f"`{said}`" if _CODE.fullmatch(said) else escaped(said)


def in_command(text: object) -> str:
    """For the message of a workflow command, which ends with its line, and in which `%` starts a code."""
    return plain(text).replace("%", "%25")


def in_property(text: object) -> str:
    """For a property of a workflow command, which a comma or a colon also ends."""
    return in_command(text).replace(":", "%3A").replace(",", "%2C")


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
