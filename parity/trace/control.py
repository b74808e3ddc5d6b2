"""The file of a control: what both arms ended with when they were trained without a tap."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from parity.errors import UnreadableError
from parity.files import read_text, write_whole
from parity.jsonfloat import decode, dumps
from parity.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CONTROL = "control.json"


@dataclass(frozen=True, kw_only=True)
class Bare:
    """What one arm ended with when it was trained without a tap."""

    parameters: Mapping[str, str]
    """By name, the digest of every trainable parameter."""
    sketch: tuple[float, ...]
    """Of the same parameters, as in `parity.trace.values.End`."""
    started: tuple[float, ...]
    """The sketch of the parameters that it started from."""


Control = dict[str, Bare]
"""By arm; empty if the control failed."""


def note_control(folder: Path, control: Control) -> None:
    """Records what both arms ended with when they were trained without a tap."""
    write_whole(folder / _CONTROL, dumps({arm: asdict(bare) for arm, bare in control.items()}))


def note_control_failed(folder: Path) -> None:
    """Records that the control did not finish; changes nothing if it did."""
    if not (folder / _CONTROL).exists():
        note_control(folder, {})


def read_control(folder: Path) -> Control | None:
    """What `note_control` recorded. None if there is no file, or a damaged one: that control has not been run."""
    try:
        found = parse_json(read_text(folder / _CONTROL), ours=True)
        return {str(arm): _bare(plain) for arm, plain in found.items()}
    except (UnreadableError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _bare(plain: Mapping[str, Any]) -> Bare:
    digests = dict(plain["parameters"])
    sketch, started = (tuple(decode(value) for value in plain[name]) for name in ("sketch", "started"))
    numbers = all(isinstance(value, float) for value in (*sketch, *started))
    if not numbers or not all(isinstance(digest, str) for digest in digests.values()):
        raise TypeError(plain)
    return Bare(parameters=digests, sketch=sketch, started=started)
