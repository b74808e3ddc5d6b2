"""A report that is too long loses detail in a stated order, and never its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.gate.result import RunResult
from parity.gate.sentence import sentence
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.report.escape import escaped
from parity.report.fitting import ORDER, Detail, Part, fitted
from parity.report.markdown import COMMENT, PAGE, render_comment, render_markdown
from tests.unit.made import judged, probe_of

if TYPE_CHECKING:
    from parity.judge.result import ProbeResult

AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=9, detail=""
)


def probes(count: int, seeds: int, *, failed: int, name: str = "") -> tuple[ProbeResult, ...]:
    """So many, of which the last `failed` part at their last seed."""
    return tuple(
        probe_of(
            f"folder/probe-{number:02}{name}",
            *(judged(seed, AT if number >= count - failed and seed == seeds else None) for seed in range(1, seeds + 1)),
        )
        for number in range(count)
    )


@pytest.mark.parametrize("failed", [1, 7, 50])
def test_50_probes_at_15_seeds_fit_a_comment_with_the_verdict_and_every_probe_that_failed(failed: int) -> None:
    result = RunResult(probes=probes(50, 15, failed=failed))
    page = render_comment(result)
    assert len(page) <= COMMENT
    assert page.startswith(f"❌ **Not as expected, {failed} of 50 probes: ")
    for probe in result.probes[50 - failed :]:
        section = f"### ✗ {probe.probe.name}\n" in page
        row = (
            f"| {probe.probe.name} | 15 | ✗ diverged | step 1 · clip · clipped\\_norm | 2.5 | 2.25 | −0.25 | 9 |"
            in page
        )
        assert section or row
    assert "Left out of this page: " in page


def test_what_was_left_out_is_said() -> None:
    page = render_comment(RunResult(probes=probes(50, 15, failed=1)))
    assert page.rstrip().endswith(
        "Left out of this page: what each arm executed of probes that are as expected; "
        "every metric of probes that are as expected. "
        "`parity report` on the run, with `--format html`, has all of it."
    )
    assert "### ✗ folder/probe-49" in page


def test_2_000_probes_with_long_names_that_all_failed_still_have_a_verdict() -> None:
    result = RunResult(probes=probes(2_000, 1, failed=2_000, name="x" * 300))
    page = render_comment(result)
    assert len(page) <= COMMENT
    assert page.startswith("❌ **Not as expected, 2000 of 2000 probes.**")
    assert "- folder/probe-00x" in page
    assert page.rstrip().split("\n")[-1].startswith("- and ")


def test_a_small_run_loses_nothing() -> None:
    result = RunResult(probes=probes(2, 2, failed=1))
    assert "Left out" not in render_comment(result)
    assert "Left out" not in render_markdown(result)
    assert escaped(sentence(result)) in render_markdown(result)


@pytest.mark.parametrize("limit", [300, 1000, 3000, 10_000])
def test_whatever_the_limit_the_page_is_within_it_and_begins_with_the_verdict(limit: int) -> None:
    page = render_markdown(RunResult(probes=probes(9, 3, failed=4)), limit=limit)
    assert len(page) <= limit
    assert page.startswith("❌ **Not as expected, 4 of 9 probes")


def test_every_part_is_in_the_order_and_goes_in_the_end() -> None:
    assert {each.part for each in ORDER} == set(Part)
    bare = Detail(left_out=ORDER)
    assert not any(bare.has(part) for part in Part)
    assert all(Detail().has(part) for part in Part)


def test_what_does_not_fit_at_all_is_none() -> None:
    assert fitted(lambda detail: "x" * (20 - len(detail.left_out)), 4) is None
    assert fitted(lambda detail: "x" * (20 - len(detail.left_out)), 15) == "x" * 15


def test_a_page_is_what_a_step_summary_holds() -> None:
    assert PAGE * 4 <= 1024 * 1024
