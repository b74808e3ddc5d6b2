from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from parity.gate.result import RunResult
from parity.judge.blind_spots import BlindSpot
from parity.judge.diff import diff
from parity.judge.effective import Difference, Warned
from parity.judge.outcomes import Rates, Shift, judge_rates, judge_shift
from parity.judge.result import CellResult, ProbeResult
from parity.judge.verdict import FirstDivergence, Thresholds, judge
from parity.probe.values import ArmName, Expectation, Stage, VerdictKind
from parity.report.svg import render_svg
from parity.report.terminal import print_diff, print_limits, print_run
from parity.trace.values import Ignored
from tests.unit.made import cell, losses, probe_result

AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=1234, detail=""
)
DIFFERENCES = (
    Difference(name="clip", reference="none", candidate="value 1.0", declared=True),
    Difference(name="batch_shapes", reference=[[6, 33], [6, 2]], candidate=[[6, 33]] * 3, declared=False),
)
WARNED = Warned(
    arm=ArmName.CANDIDATE,
    ignored=Ignored(name="get_peft_model.layers", asked=16, effective=None, why="[bold]no[/bold] :x:"),
)
ORDER = BlindSpot(stage=Stage.BATCH, what="order and padding", because="all 64 rows are equal")
DECAY = BlindSpot(stage=Stage.UPDATE, what="weight decay", because="it is 0")


def whole(*kinds: VerdictKind, **changed: Any) -> ProbeResult:
    """A probe with a difference, a warning and a blind spot, of cells that declare nothing more than identical."""
    cells = [
        replace(cell(seed, kind), differences=DIFFERENCES, warnings=(WARNED,))
        for seed, kind in zip((1, 42), kinds, strict=True)
    ]
    return replace(probe_result(*cells, **changed), blind=(ORDER, DECAY))


BOTH = (VerdictKind.IDENTICAL, VerdictKind.IDENTICAL)


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
    found = lines(print_diff, delta, judge(delta, again=(), thresholds=Thresholds()))
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


def test_what_really_ran_differently_is_a_table_of_its_own() -> None:
    found = lines(print_run, RunResult(probes=(whole(*BOTH),)))
    at = found.index("current/self: what really ran differently")
    assert found[at - 1 : at + 4] == [
        "",
        "current/self: what really ran differently",
        "effective     reference        candidate",
        "clip          none             value 1.0    declared",
        "batch_shapes  [6, 33], [6, 2]  [6, 33] × 3  only effective",
    ]


def test_of_several_probes_those_that_are_not_as_expected_show_their_differences() -> None:
    odd = whole(VerdictKind.DIVERGED, VerdictKind.IDENTICAL, name="current/odd")
    found = lines(print_run, RunResult(probes=(whole(*BOTH), odd)))
    assert [line for line in found if "really ran" in line] == ["current/odd: what really ran differently"]


def test_without_a_difference_there_is_no_such_table() -> None:
    for probe in (probe_result(cell(1), cell(42)), probe_result()):
        assert "really ran" not in "\n".join(lines(print_run, RunResult(probes=(probe,))))


@pytest.mark.parametrize("width", [80, 120])
def test_no_width_costs_a_letter_of_a_difference(width: int) -> None:
    told = ("optimizer." + "bias_correction" * 3, "[red]" + "make_baseline_loss_fn." * 3, "<locals>.loss_fn" * 3)
    long = Difference(name=told[0], reference=told[1], candidate=told[2], declared=False)
    found = lines(
        print_run, RunResult(probes=(probe_result(replace(cell(1), differences=(long,)), cell(42)),)), width=width
    )
    assert all(len(line) <= width for line in found[:-1])
    start = found.index("current/self: what really ran differently") + 1
    header, *rows = found[start : found.index("", start)]
    edges = [*map(header.index, ("effective", "reference", "candidate")), rows[0].index("only effective")]
    for left, right, whole_text in zip(edges, edges[1:], told, strict=False):
        assert "".join(row[left:right].strip() for row in rows) == whole_text


def test_a_warning_is_told_once_and_as_it_is() -> None:
    found = lines(print_run, RunResult(probes=(whole(*BOTH),)))
    assert [line for line in found if "ignored" in line] == [
        "current/self: ignored: get_peft_model.layers: the candidate asks for 16, "
        "and nothing of the kind runs ([bold]no[/bold] :x:)"
    ]


@pytest.mark.parametrize(
    ("declared", "mark", "said"),
    [
        ({}, "", "As expected: 1 probe, 1 identical."),
        ({"contains": VerdictKind.INCONCLUSIVE}, "✓ ", "As expected: 1 probe, 1 identical."),
        (
            {"contains": VerdictKind.DIVERGED},
            "✗ ",
            "Not as expected: 1 of 1 probe. current/self is identical, contains is inconclusive, "
            "where identical, contains diverged was expected.",
        ),
    ],
)
def test_outcomes_are_told_with_their_seeds_whatever_was_expected(
    declared: dict[str, VerdictKind], mark: str, said: str
) -> None:
    same = {1: 0.5, 42: 0.5}
    rates = judge_rates({1: True, 42: True}, {1: True, 42: False})
    expect = Expectation(verdict=VerdictKind.IDENTICAL, outcomes=declared)
    probe = probe_result(cell(1), cell(42), expect=expect)
    outcomes: dict[str, Rates | Shift] = {"post_train_loss": judge_shift(same, same), "contains": rates}
    assert lines(print_run, RunResult(probes=(replace(probe, outcomes=outcomes),)))[4:] == [
        "current/self: post_train_loss identical: equal to the bit at 2 of 2 seeds",
        f"current/self: {mark}contains inconclusive: {rates.reason}",
        "  yes in the reference alone: seeds 42",
        "",
        said,
    ]


def test_a_pass_says_what_it_could_not_have_shown() -> None:
    said = "current/self cannot show: order and padding (batch: all 64 rows are equal); weight decay (update: it is 0)"
    assert said in lines(print_run, RunResult(probes=(whole(*BOTH),)), width=120)
    assert said in lines(print_run, RunResult(probes=(whole(VerdictKind.WITHIN, VerdictKind.IDENTICAL),)), width=120)
    for kind in (VerdictKind.DIVERGED, VerdictKind.INVALID, VerdictKind.INCONCLUSIVE):
        found = lines(print_run, RunResult(probes=(whole(kind, VerdictKind.IDENTICAL),)))
        assert "cannot show" not in "\n".join(found)


def test_probes_that_cannot_show_the_same_are_named_together() -> None:
    same, other = (ORDER, DECAY), (DECAY,)
    blind = {"a": same, "b": other, "c": same, "d": same, "e": same, "f": ()}
    assert lines(print_limits, blind, width=120) == [
        "a, c and 2 more cannot show: order and padding (batch: all 64 rows are equal); weight decay (update: it is 0)",
        "b cannot show: weight decay (update: it is 0)",
    ]
    assert lines(print_limits, {"a": other, "b": other}) == ["a, b cannot show: weight decay (update: it is 0)"]
    assert lines(print_limits, {"a": ()}) == []
    assert lines(print_limits, {"a": same}, width=60) == [
        "a cannot show: order and padding (batch: all 64 rows are",
        "equal); weight decay (update: it is 0)",
    ]


def test_a_probe_whose_model_is_not_there_has_no_mark_and_says_why_once() -> None:
    why = "model owner/name is not available (the hub has no such repository (404))"
    result = RunResult(probes=(replace(probe_result(), not_run=why), probe_result(cell(1), cell(42), name="set/here")))
    found = lines(print_run, result)
    rows = [line.split() for line in found if "not run:" in line and "Not decided" not in line]
    assert rows[0] == ["current/self", "1", "–", "not", "run:", "model", "not", "available"]
    assert len(rows) == 2
    assert "✗" not in "".join(found)
    assert [line for line in found if why in line] == [
        f"Not decided: 1 of 2 probes was not run: {why}; the other is as expected: 1 identical."
    ]


def test_what_waits_for_the_other_shards_is_said() -> None:
    result = RunResult(probes=(probe_result(cell(1)),), postponed={"current/self": ("contains", "completion_loss")})
    why = "declared over all seeds, and not all of them are here: judged once every shard is merged"
    assert f"current/self: contains and completion_loss {why}" in lines(print_run, result)
