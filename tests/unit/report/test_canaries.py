"""The scoreboard as a table, a sentence and JSON; and the canaries of a run in its report."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from parity.canaries.catalogue import graded
from parity.errors import ExitStatus
from parity.gate.result import RunResult
from parity.gate.sentence import sentence as run_sentence
from parity.report.canaries import print_canaries, render_canaries, sentence
from parity.report.json import render_json
from parity.report.markdown import render_markdown
from parity.report.terminal import print_run
from parity.scoreboard.score import Identical
from parity.scoreboard.sensitivity import Sensitivity
from tests.unit.made import cell, probe_result
from tests.unit.scoreboard.made import ALARM, CAUGHT, ELSEWHERE, MISSED, NOT_RUN, QUIET, board

if TYPE_CHECKING:
    from parity.scoreboard.score import Scoreboard

MET = probe_result(cell(1), cell(42))


def printed(found: Scoreboard) -> str:
    console = Console(file=io.StringIO(), width=160)
    print_canaries(console, found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_sentence_has_all_totals() -> None:
    assert sentence(board(CAUGHT, ELSEWHERE, QUIET)) == (
        "2 of 2 faults caught; 1 at their stage; 1 at their first step; "
        "0 false alarms in 1 harmless changes and 2 cells of identical arms."
    )


def test_what_could_not_be_run_is_in_the_sentence() -> None:
    assert sentence(board(CAUGHT, NOT_RUN)).endswith("; 1 could not be run.")


def test_of_nothing_it_says_that_nothing_is_proved() -> None:
    assert sentence(board()) == "No known fault was run, so this proves nothing."


def test_the_table_says_where_each_was_named() -> None:
    text = printed(board(CAUGHT, ELSEWHERE, MISSED, QUIET, ALARM, NOT_RUN))
    assert "rate-up          Learning rate × 1.01" in text
    assert "schedule → update  1 → 2  ✓ caught" in text
    assert "schedule → –       1 → –  ✗ missed" in text
    assert "– → loss           – → 1  ✗ false alarm" in text
    assert "rate-gone could not be run: candidate: there is no such seam" in text
    assert "the stage was named right for fewer than 95% of the faults" in text


def test_the_smallest_effect_is_under_the_table() -> None:
    (rate,) = (each for each in graded() if each.name == "rate")
    text = printed(board(CAUGHT, sensitivity=(Sensitivity(graded=rate, k=23, metric="lr"),)))
    assert "learning rate  schedule  23              lr" in text


def test_json_has_every_canary_and_the_totals() -> None:
    found = json.loads(render_canaries(board(CAUGHT, MISSED, QUIET, identical=Identical(cells=7))))
    assert found["passed"] is False
    assert found["totals"] == {
        "faults": 2,
        "caught": 1,
        "stage_right": 1,
        "step_right": 1,
        "harmless": 1,
        "identical_cells": 7,
        "false_alarms": 0,
        "not_run": 0,
    }
    caught, missed, quiet = found["canaries"]
    assert caught["expected"] == {"stage": "schedule", "step": 1}
    assert caught["seen"] == {"stage": "schedule", "step": 1, "metric": "lr"}
    assert (missed["status"], missed["seen"]) == ("missed", None)
    assert (quiet["harmless"], quiet["expected"]) == (True, None)


@pytest.mark.parametrize(
    ("canaries", "status", "expected", "said"),
    [
        (None, ExitStatus.EXPECTED, True, "1 probe, as expected: identical."),
        (
            board(CAUGHT, QUIET),
            ExitStatus.EXPECTED,
            True,
            "1 probe, as expected: identical. 1 of 1 known fault was caught.",
        ),
        (
            board(CAUGHT, MISSED),
            ExitStatus.CANARY_MISSED,
            False,
            "Do not trust this run: it misjudged rate-down. 1 probe, as expected: identical.",
        ),
        (
            board(CAUGHT, NOT_RUN),
            ExitStatus.NOT_RUN,
            False,
            "1 probe, as expected: identical. 1 known fault could not be run.",
        ),
        (
            board(CAUGHT, identical=Identical(cells=1, alarms=("loop: diverged",))),
            ExitStatus.CANARY_MISSED,
            False,
            "Do not trust this run: it misjudged loop: diverged. 1 probe, as expected: identical.",
        ),
    ],
)
def test_a_run_with_canaries(canaries: Scoreboard | None, status: ExitStatus, expected: bool, said: str) -> None:
    result = RunResult(probes=(MET,), canaries=canaries)
    assert (result.status, result.expected, run_sentence(result)) == (status, expected, said)


def test_a_missed_canary_outranks_a_finding_and_not_an_interrupt() -> None:
    found = RunResult(probes=(replace(MET, cells=()),), canaries=board(MISSED))
    assert found.status is ExitStatus.CANARY_MISSED
    assert replace(found, interrupted=True).status is ExitStatus.INTERRUPTED


def test_every_report_of_a_run_has_its_canaries() -> None:
    result = RunResult(probes=(MET,), canaries=board(CAUGHT, MISSED))
    assert json.loads(render_json(result))["canaries"]["totals"]["caught"] == 1
    page = render_markdown(result)
    assert page.startswith("❌ **Do not trust this run: it misjudged rate-down.")
    assert "| rate-down | Learning rate × 1.01 | schedule → – | 1 → – | missed |" in page
    console = Console(file=io.StringIO(), width=160)
    print_run(console, result)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "known faults  1 of 2 caught" in text
    assert "✗ known fault rate-down (Learning rate × 1.01): missed\n  identical: because" in text
