from __future__ import annotations

from dataclasses import replace

import pytest

from parity.comment.guard import violation
from parity.comment.page import without_verdict, written
from parity.errors import ExitStatus
from tests.unit.comment.made import ASKED, AT, ENDING, cell, probe_result, refusal, result, unexpected


def test_a_verdict_stands_between_the_marker_and_whose_it_is() -> None:
    page = written(result(), ASKED)
    lines = page.body.splitlines()
    assert lines[0] == "<!-- mlx-parity run=123 -->"
    assert lines[2].startswith("✅ **All 2 probes as expected: ")
    assert lines[-1] == ENDING
    assert (page.status, page.refusal) == (ExitStatus.EXPECTED, "")


def test_what_was_executed_is_in_the_comment_where_there_is_room() -> None:
    body = written(result(), ASKED).body
    assert "What the candidate executed, from loading to the end of step 1:" in body
    assert "| mlx\\_lm/tuner/trainer.py | mlx-lm 0.31.3 | `ab` | train |" in body
    assert "Left out of this page" not in body


def test_what_was_executed_is_left_out_first_and_the_comment_says_so() -> None:
    probes = [probe_result(cell(1), cell(42), name=f"current/{number}") for number in range(60)]
    body = written(result(*probes), ASKED).body
    assert "executed, from loading" not in body
    assert "Left out of this page: what each arm executed of probes that are as expected" in body


def test_a_pass_of_a_run_that_failed_is_none() -> None:
    page = written(result(), replace(ASKED, conclusion="failure"))
    why = "the run failed, but its results say that everything is as expected"
    assert page.body == refusal(why)
    assert (page.status, page.refusal) == (ExitStatus.UNDECIDED, why)


def test_a_run_that_was_interrupted_shows_what_it_has() -> None:
    page = written(replace(result(), interrupted=True), replace(ASKED, conclusion="failure"))
    assert page.body.splitlines()[2].startswith("❌ **Interrupted: 2 of 2 probes had ended as expected.")


def test_a_finding_of_a_run_that_succeeded_says_so_first() -> None:
    lines = written(unexpected(), ASKED).body.splitlines()
    assert lines[2] == ("⚠ The run succeeded although its results call for status 1: its check is not a gate.")


def test_a_line_that_is_a_bots_command_is_none() -> None:
    made = result(probe_result(cell(1), cell(42, AT), question="/approve"))
    page = written(made, replace(ASKED, conclusion="failure"))
    assert page.status is ExitStatus.EXPECTED
    assert "\n\u200b/approve\n" in page.body


@pytest.mark.parametrize(
    "why", ["@team <b> [x](https://a.example) #1\n<!-- mlx-parity run=9 -->", "x" * 5000, "\ud800"]
)
def test_a_reason_may_quote_anything(why: str) -> None:
    page = without_verdict(why, ASKED)
    assert violation(page.body, marker=ASKED.marker, ending=ENDING) == ""
    assert len(page.body) < 1500
    page.body.encode()


def test_without_a_server_the_run_is_not_linked() -> None:
    page = without_verdict("x", replace(ASKED, server=""))
    assert page.body.splitlines()[-1].startswith(f"For commit `{ASKED.head_sha}`, from run 123, which executes")
