"""A picture of what a person reads in the terminal."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from parity.report.terminal import print_run

if TYPE_CHECKING:
    from parity.gate.result import RunResult

_WIDTH = 80

_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's own picture without the fonts that it fetches: a picture in a repository asks no server."""


def render_svg(result: RunResult, title: str) -> str:
    """The terminal table and its sentence as SVG."""
    console = Console(record=True, width=_WIDTH, file=StringIO(), force_terminal=True, highlight=False)
    print_run(console, result)
    return console.export_svg(title=title, code_format=_FORMAT)
