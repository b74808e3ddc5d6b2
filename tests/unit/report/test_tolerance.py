"""A tolerance stands beside the verdict in every report, with what it lets through."""

from __future__ import annotations

import html
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from parity.gate.result import RunResult
from parity.judge.verdict import Thresholds
from parity.metrics import Stage
from parity.probe.values import Expectation, VerdictKind
from parity.report.annotations import render_annotations
from parity.report.escape import escaped
from parity.report.html import render_html
from parity.report.markdown import render_comment, render_markdown
from parity.report.terminal import print_run
from tests.unit.made import divergence, judged, probe_of

AT = divergence(2, Stage.LOSS, "loss")
WARNED = "current/loosened: loss may differ by 1e+30, but is 6 at most: the tolerance judges nothing"


def loosened(tolerance: dict[str, float], name: str = "current/loosened") -> RunResult:
    """A probe at three seeds that is within what it states."""
    made = judged(1, AT)
    assert made.verdict is not None
    stated = Thresholds(tolerance=tolerance)
    verdict = replace(made.verdict, kind=VerdictKind.WITHIN, thresholds=stated, largest=dict.fromkeys(tolerance, 6.0))
    cells = [replace(made, seed=seed, verdict=verdict) for seed in (1, 42, 3407)]
    expect = Expectation(verdict=VerdictKind.WITHIN)
    return RunResult(probes=(probe_of(name, *cells, expect=expect, tolerance=tolerance),))


def screen(result: RunResult) -> list[str]:
    console = Console(file=StringIO(), width=80, highlight=False)
    print_run(console, result)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_row_of_the_terminal_shows_it_on_one_line_of_80_columns() -> None:
    found = screen(loosened({"loss": 0.03}, "current/a-probe-of-a-rather-long-name-indeed"))
    (row,) = [line for line in found if line.startswith("✓ ")]
    assert row == "✓ current/a-prob…ng-name-indeed  1, 42, 3407  within (loss ±0.03)  step 2 · loss"
    assert max(map(len, found)) <= 80


def test_several_tolerances_are_counted_in_a_row() -> None:
    found = screen(loosened({"loss": 0.03, "grad_norm": 0.5, "tokens": 4.0}))
    assert "✓ current/loosened  1, 42, 3407  within (3 tolerances)  step 2 · loss" in found


@pytest.mark.parametrize("render", [render_markdown, render_comment])
def test_the_page_and_the_comment_show_it_beside_the_verdict(render: object) -> None:
    page = render(loosened({"loss": 1e30}))  # type: ignore[operator]
    assert "| 1, 42, 3407 | within \\(loss ±1e\\+30\\) | step 2 · loss |" in page
    assert "| 42 | ✓ within \\(loss ±1e\\+30\\) | 30 |" in page
    assert "Expected within \\(loss ±1e\\+30\\): met." in page
    assert f"- {escaped(WARNED)}" in page


def test_the_html_page_shows_it_too() -> None:
    page = html.unescape(render_html(loosened({"loss": 1e30})))
    assert "<td>within (loss ±1e+30)</td>" in page
    assert "Expected within (loss ±1e+30): met." in page
    assert WARNED in page


def test_it_is_an_annotation_and_is_counted_on_the_screen() -> None:
    made = loosened({"loss": 1e30})
    assert "::warning title=current/loosened::loss may differ by 1e+30" in render_annotations(made)
    assert "tolerance  2 warnings of what a stated tolerance lets through" in screen(made)
