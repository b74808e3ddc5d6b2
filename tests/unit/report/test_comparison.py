"""What `parity diff` says: on the screen the first few, on the pages more, and nothing from a file as markup."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

from rich.console import Console

from parity.judge.comparison import Comparison
from parity.judge.curves import curves
from parity.judge.diff import diff
from parity.judge.result import CellResult
from parity.judge.verdict import Thresholds, judge
from parity.report.comparison import comparison_html, comparison_markdown, print_comparison
from parity.report.json import render_comparisons
from tests.unit.made import losses
from tests.unit.report.test_html import Page

HOSTILE = "</script><img src=x onerror=alert(1)>`@me`"


def compared(left: float, right: float, steps: int = 30, **changed: object) -> Comparison:
    reference, candidate = losses(*[left] * steps), losses(*[right] * steps)
    delta = diff(reference, candidate)
    verdict = judge(delta, again=(), thresholds=Thresholds())
    cell = CellResult(seed=1, steps=steps, verdict=verdict, curves=curves(reference, candidate))
    made = Comparison(name="", cell=cell, delta=delta, blind=("a small loss: it is rounded",), left_out=("It/sec",))
    return replace(made, **changed)  # type: ignore[arg-type]


def screen(of: Comparison) -> list[str]:
    console = Console(file=StringIO(), width=80, highlight=False)
    print_comparison(console, of)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_screen_shows_the_first_few_and_counts_the_rest() -> None:
    found = screen(compared(1.0, 1.5))
    assert found[0].split() == ["step", "stage", "metric", "reference", "candidate", "Δ", "ULPs"]
    assert found[1].split() == ["1", "loss", "loss", "1", "1.5", "+0.5", "4,194,304"]
    assert found[-5:] == [
        "and 10 more of 30 compared values",
        "diverged: from step 1, stage loss",
        "cannot show a small loss: it is rounded",
        "left out: It/sec",
        "within at tolerance loss 0.5",
    ]


def test_equal_files_are_never_identical_without_what_they_cannot_show() -> None:
    assert screen(compared(1.0, 1.0)) == [
        "identical: bit for bit",
        "cannot show a small loss: it is rounded",
        "left out: It/sec",
    ]


def test_the_pages_say_what_the_screen_says() -> None:
    found = [compared(1.0, 1.5, steps=300)]
    markdown, page = comparison_markdown(found, ("a.csv", "b.csv")), Page(comparison_html(found, ("a.csv", "b.csv")))
    said = " ".join(page.said)
    assert markdown.startswith("❌ **diverged**: a.csv → b.csv\n")
    assert "| 1 | loss | loss | 1 | 1.5 | +0.5 | 4,194,304 |" in markdown
    for line in ("diverged: from step 1, stage loss", "cannot show a small loss: it is rounded", "left out: It/sec"):
        assert line in said
        assert line.replace("/", "") in markdown.replace("\u200b", "").replace("/", "")
    assert "The first 200 of 300 values that differ." in said
    assert "The first 200 of 300 values that differ." in markdown
    assert json.loads(page.raw["script"][0])["curves"]["loss"]["steps"][:2] == [1, 2]


def test_ranks_have_a_section_each_and_one_verdict_for_all() -> None:
    found = [compared(1.0, 1.0, name="rank 0"), compared(1.0, 1.5, name="rank 1")]
    assert screen(found[1])[0] == "rank 1"
    assert comparison_markdown(found, ("a", "b")).startswith("❌ **diverged**")
    tree = json.loads(render_comparisons(found))
    assert tree["verdict"] == "diverged"
    assert [each["verdict"] for each in tree["ranks"].values()] == ["identical", "diverged"]


def test_no_name_of_a_file_or_metric_is_markup() -> None:
    found = [compared(1.0, 1.5, blind=(HOSTILE,), left_out=(HOSTILE,))]
    page = Page(comparison_html(found, (HOSTILE, "b")))
    assert "img" not in [tag for tag, _ in page.elements]
    assert HOSTILE in " ".join(page.said)
    markdown = comparison_markdown(found, (HOSTILE, "b"))
    assert "<img" not in markdown
    assert "@me" not in markdown
