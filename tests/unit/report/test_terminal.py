from __future__ import annotations

import re
from io import StringIO

from rich.console import Console

from parity.diff import diff
from parity.probe.values import Stage, VerdictKind
from parity.report.svg import render_svg
from parity.report.terminal import print_diff, print_run
from parity.result import CellResult, RunResult
from parity.verdict import FirstDivergence, Thresholds, judge
from tests.unit.made import cell, losses, probe_result

AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=1234, detail=""
)


def lines(print_what: object, *arguments: object, width: int = 100) -> list[str]:
    console = Console(file=StringIO(), width=width, highlight=False)
    print_what(console, *arguments)  # type: ignore[operator]
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_one_table_and_one_sentence() -> None:
    found = lines(print_run, RunResult(probes=(probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT)),)))
    assert found == [
        "probe         seed  verdict      first divergence, reference → candidate  max |Δ loss|",
        "current/self     1  ✓ identical  –                                        0",
        "30 steps",
        "                42  ✗ diverged   step 1 · clip · clipped_norm             0.25",
        "                                 2.5 → 2.25, Δ −0.25, 1,234 ULPs          from step 1",
        "current/self, seed 42: because; expected identical",
        "  smallest tolerance that would pass: loss 0.25",
        "",
        "Not as expected: 1 of 1 probe. current/self is diverged, because (seed 42), where identical was expected.",
    ]


def test_eighty_columns_lose_no_digit() -> None:
    found = probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT), name="original/not-reseeded-at-all")
    rows = lines(print_run, RunResult(probes=(found,)), width=80)
    assert "…" not in "\n".join(rows)
    assert any(row.endswith("max |Δ loss|") for row in rows)
    assert any(row.endswith("from step 1") for row in rows)
    assert "1,234" in "\n".join(rows)


def test_a_failed_cell_and_a_note_are_told() -> None:
    failed = CellResult(seed=42, steps=0, verdict=None, failure="candidate: unsloth_zoo is not installed")
    noted = CellResult(**{**vars(cell(1)), "note": "the process died of SIGSEGV after its last step"})
    text = "\n".join(lines(print_run, RunResult(probes=(probe_result(noted, failed),))))
    assert "current/self, seed 1: the process died of SIGSEGV after its last step" in text
    assert "current/self, seed 42: candidate: unsloth_zoo is not installed; expected identical" in text


def test_a_seed_that_was_not_run_has_a_row() -> None:
    found = lines(print_run, RunResult(probes=(probe_result(cell(1)),), interrupted=True))
    assert found[3].split() == ["42", "✗", "not", "run"]


def test_a_diff_shows_the_first_few_and_counts_the_rest() -> None:
    delta = diff(losses(*[1.0] * 30), losses(*[1.5] * 30))
    found = lines(print_diff, delta, judge(delta, again=None, thresholds=Thresholds()))
    assert found[0].split() == ["step", "stage", "metric", "reference", "candidate", "Δ", "ULPs"]
    assert found[1].split() == ["1", "loss", "loss", "1", "1.5", "+0.5", "4,194,304"]
    assert found[-3:] == [
        "and 10 more of 30 compared values",
        "diverged: from step 1, stage loss",
        "smallest tolerance that would pass: loss 0.5",
    ]


def test_a_picture_asks_no_server() -> None:
    picture = render_svg(RunResult(probes=(probe_result(cell(1), cell(42)),)), "parity")
    assert picture.startswith("<svg")
    assert "identical" in picture
    addresses = set(re.findall(r"https?://[^\s\"<>)]+", picture))
    assert addresses == {"http://www.w3.org/2000/svg", "https://www.textualize.io"}  # a name space, a credit
