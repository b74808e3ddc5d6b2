"""Text from outside, made harmless for where it is going: parameter names, errors, file names, settings."""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_LINKS = re.compile(r"(@|:(?=//)|www(?=\.)|#(?=\d)|GH-(?=\d)|mailto(?=:)|xmpp(?=:))", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9 .,=_/-]+")
APART = "\u200b"
"""A space of no width, in the midst of what begins a mention or a link. After `://` it would be part of the name of a
host, and browsers leave it out of that.
"""


def plain(text: object) -> str:
    """One line of what can be seen: no control characters, nothing that turns the direction of writing."""
    return " ".join("".join(" " if _is_unseen(each) else each for each in str(text)).split())


def escaped(text: object) -> str:
    """For markdown as GitHub renders it: no markup, no HTML, no mention, no link, no formula, one line."""
    quoted = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", _LINKS.sub(rf"\1{APART}", quoted))


def as_code(text: object) -> str:
    """A command as inline code where it is made of plain characters, and escaped where it is not."""
    said = plain(text)
    return f"`{said}`" if _CODE.fullmatch(said) else escaped(said)


def in_command(text: object) -> str:
    """For the message of a workflow command, which ends with its line and takes `%` for the start of a code."""
    return plain(text).replace("%", "%25")


def in_property(text: object) -> str:
    """For a property of a workflow command, which a comma or a colon ends too."""
    return in_command(text).replace(":", "%3A").replace(",", "%2C")


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
