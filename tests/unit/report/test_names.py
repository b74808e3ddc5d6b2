"""Two probes whose names differ in a character that cannot be seen are two in every report."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from parity.gate.result import RunResult
from parity.report.annotations import render_annotations
from parity.report.html import render_html
from parity.report.junit import render_junit
from parity.report.markdown import render_comment, render_markdown
from parity.report.terminal import print_run
from tests.unit.made import divergence, judged, probe_of

if TYPE_CHECKING:
    from collections.abc import Callable


def _screen(result: RunResult) -> str:
    console = Console(file=StringIO(), width=80, highlight=False)
    print_run(console, result, verbose=True)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("character", ["\u200b", "\u3164", "\ufe0f", "\u202e"])
@pytest.mark.parametrize(
    "render", [_screen, render_markdown, render_comment, render_html, render_annotations, render_junit]
)
def test_a_name_shows_what_cannot_be_seen(render: Callable[[RunResult], str], character: str) -> None:
    parted = judged(1, divergence())
    text = render(RunResult(probes=(probe_of("a/b", parted), probe_of(f"a/b{character}", parted))))
    assert f"a/b⟨U+{ord(character):04X}⟩" in text.replace("\\", "")
    assert f"a/b{character}" not in text
