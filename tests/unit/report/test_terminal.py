from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from parity.gate.result import RunResult
from parity.judge.blind_spots import BlindSpot
from parity.judge.effective import Difference, Warned
from parity.judge.outcomes import Rates, Shift, judge_rates, judge_shift
from parity.judge.result import CellResult, ProbeResult
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import ArmName, Expectation, VerdictKind
from parity.report.svg import render_svg
from parity.report.terminal import print_run
from parity.report.wording import discordant, postponed
from parity.trace.values import Ignored
from tests.unit.made import SAME_CONTROL, cell, judged, probe_of, probe_result

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


def lines(print_what: object, *arguments: object, width: int = 80, **options: object) -> list[str]:
    console = Console(file=StringIO(), width=width, highlight=False)
    print_what(console, *arguments, **options)  # type: ignore[operator]
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_rest_has_no_line_of_its_own_and_a_divergence_without_one_is_a_warning() -> None:
    expect = Expectation(verdict=VerdictKind.DIVERGED)
    declared = [
        probe_result(*[cell(seed, VerdictKind.DIVERGED, AT) for seed in (1, 42)], expect=each, name=name)
        for name, each in (("current/one", replace(expect, only=(Stage.CLIP,))), ("current/two", expect))
    ]
    rest = probe_result(cell(1), cell(42), name="current/one+rest", rest_of="current/one")
    assert lines(print_run, RunResult(probes=(*declared, rest)), verbose=True) == [
        "All 2 probes as expected: 2 diverged as declared.",
        "",
        "probe          seeds  verdict   diverges at",
        "✓ current/one  1, 42  diverged  step 1 · clip",
        "✓ current/two  1, 42  diverged  step 1 · clip",
        "",
        "hidden  1 declared divergence that may hide another: without `only`",
        "  current/two",
        "rests   1 declared divergence: nothing else differs",
        "  current/one differs in nothing but what it declares",
    ]


def test_the_sentence_then_what_is_not_as_expected_then_a_line_a_probe() -> None:
    odd = probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT), file="probes/current/self.toml")
    fine = probe_result(cell(1), cell(42), name="current/fine")
    assert lines(print_run, RunResult(probes=(fine, odd))) == [
        "Not as expected, 1 of 2 probes: current/self diverged, because (seed 42), expected identical.",
        "",
        "✗ current/self",
        "  Is it the same?",
        "  expected    identical",
        "  found       diverged at step 1, stage clip, metric clipped_norm",
        "  reference   2.5",
        "  candidate   2.25",
        "  difference  −0.25, 1,234 ULPs",
        "  reason      because",
        "  at          seed 42 (1 of 2)",
        "  within at   tolerance loss 0.25",
        "  parity explain probes/current/self.toml --seeds 42 --steps 30",
        "",
        "probe           seeds  verdict    diverges at",
        "✓ current/fine  1, 42  identical",
    ]


def test_tensors_that_differ_are_counted_and_the_first_is_named() -> None:
    at = replace(AT, metric="trainable", reference="float32[8] aa", candidate="float32[8] bb", delta=None, ulp=None)
    found = lines(
        print_run,
        RunResult(
            probes=(
                probe_result(cell(1, VerdictKind.DIVERGED, replace(at, detail="1 of 2 tensors, first q")), cell(42)),
            )
        ),
    )
    assert "  reference   float32[8] aa" in found
    assert "  candidate   float32[8] bb" in found
    assert "  difference  1 of 2 tensors, first q" in found
    found = lines(print_run, RunResult(probes=(probe_result(cell(1, VerdictKind.DIVERGED, at), cell(42)),)))
    assert "  difference  the fingerprints differ" in found


def many(count: int) -> tuple[ProbeResult, ...]:
    seeds = range(1, 4)
    return tuple(
        probe_of(
            f"current/a-probe-of-a-rather-long-name-{number}",
            *(judged(seed, AT if number % 2 else None) for seed in seeds),
            expect=Expectation(verdict=VerdictKind.DIVERGED if number % 2 else VerdictKind.IDENTICAL),
        )
        for number in range(count)
    )


def test_28_probes_fit_45_lines_of_80_columns_and_no_row_wraps() -> None:
    probes = tuple(
        replace(
            each,
            cells=tuple(replace(one, control=SAME_CONTROL, warnings=(WARNED,)) for one in each.cells),
            blind=(ORDER, DECAY),
        )
        for each in many(28)
    )
    found = lines(print_run, RunResult(probes=probes))
    assert found[0] == "All 28 probes as expected: 14 identical, 14 diverged as declared."
    assert len(found) <= 42  # and three lines of cost and of where the report is
    assert max(map(len, found)) <= 80
    rows = [line for line in found if line.startswith("✓ ")]
    assert len(rows) == 28
    assert rows[0].split() == ["✓", "current/a-probe-…ther-long-name-0", "1,", "2,", "3", "identical"]
    assert rows[1].endswith("1, 2, 3  diverged   step 1 · clip")


def test_more_than_three_probes_that_are_not_as_expected_are_counted_in_the_sentence_and_all_follow() -> None:
    odd = tuple(probe_of(f"a/{number}", judged(1, AT)) for number in range(5))
    found = lines(print_run, RunResult(probes=odd), width=400)
    assert found[0].endswith("; and 2 more.")
    assert [line for line in found if line.startswith("✗ ")] == [f"✗ a/{number}" for number in range(5)]


def test_seeds_and_places_that_are_many_are_counted() -> None:
    expect = Expectation(verdict=VerdictKind.DIVERGED)
    later = replace(AT, step=3)
    cells = [judged(seed, AT if seed > 1 else later) for seed in range(1, 6)]
    (row,) = [
        line for line in lines(print_run, RunResult(probes=(probe_of("a/b", *cells, expect=expect),))) if "✓" in line
    ]
    assert row.split() == ["✓", "a/b", "5", "seeds", "diverged", "step", "1", "·", "clip", "…"]


def test_a_failed_cell_says_why_and_a_note_is_counted() -> None:
    failed = CellResult(seed=42, steps=0, verdict=None, failure="candidate: unsloth_zoo is not installed")
    noted = CellResult(**{**vars(cell(1)), "note": "the process died of SIGSEGV after its last step"})
    result = RunResult(probes=(probe_result(noted, failed),))
    found = lines(print_run, result)
    assert "  failed    candidate: unsloth_zoo is not installed" in found
    assert "notes  1 cell with a note" in found
    assert not [line for line in found if "explain" in line]
    noted_in_full = "  current/self, seed 1: the process died of SIGSEGV after its last step"
    assert noted_in_full not in found
    assert noted_in_full in lines(print_run, result, verbose=True)


def test_a_seed_that_was_not_run_is_named() -> None:
    found = lines(print_run, RunResult(probes=(probe_result(cell(1)),), interrupted=True))
    assert found[0] == "Interrupted: 0 of 1 probe had ended as expected."
    assert "  not run   42" in found


def test_a_picture_asks_no_server() -> None:
    picture = render_svg(RunResult(probes=(probe_result(cell(1), cell(42)),)), "parity")
    assert picture.startswith("<svg")
    assert "identical" in picture
    addresses = set(re.findall(r"https?://[^\s\"<>)]+", picture))
    assert addresses == {"http://www.w3.org/2000/svg", "https://www.textualize.io"}  # a name space, a credit


def test_what_differs_between_the_arms_is_a_table_of_its_own_and_only_if_asked_for() -> None:
    result = RunResult(probes=(whole(*BOTH),))
    assert "settings that differ" not in "\n".join(lines(print_run, result))
    found = lines(print_run, result, verbose=True, width=100)
    at = found.index("current/self: settings that differ")
    assert found[at - 1 : at + 4] == [
        "",
        "current/self: settings that differ",
        "setting       reference        candidate",
        "clip          none             value 1.0    declared",
        "batch_shapes  [6, 33], [6, 2]  [6, 33] × 3  undeclared",
    ]


def test_without_a_difference_there_is_no_such_table() -> None:
    for probe in (probe_result(cell(1), cell(42)), probe_result()):
        assert "settings that" not in "\n".join(lines(print_run, RunResult(probes=(probe,)), verbose=True))


@pytest.mark.parametrize("width", [80, 120])
def test_no_width_costs_a_letter_of_a_difference(width: int) -> None:
    told = ("optimizer." + "bias_correction" * 3, "[red]" + "make_baseline_loss_fn." * 3, "<locals>.loss_fn" * 3)
    long = Difference(name=told[0], reference=told[1], candidate=told[2], declared=False)
    result = RunResult(probes=(probe_result(replace(cell(1), differences=(long,)), cell(42)),))
    found = lines(print_run, result, width=width, verbose=True)
    assert all(len(line) <= width for line in found)
    header, *rows = found[found.index("current/self: settings that differ") + 1 :]
    edges = [*map(header.index, ("setting", "reference", "candidate")), rows[0].index("undeclared")]
    for left, right, whole_text in zip(edges, edges[1:], told, strict=False):
        assert "".join(row[left:right].strip() for row in rows) == whole_text


def test_an_ignored_setting_is_counted_and_told_once_as_it_is() -> None:
    result = RunResult(probes=(whole(*BOTH),))
    assert "ignored      1 setting accepted and not used" in lines(print_run, result)
    assert [line for line in lines(print_run, result, verbose=True) if "[bold]no[/bold] :x:" in line] == [
        f"  current/self: {WARNED}"
    ]


@pytest.mark.parametrize(
    ("declared", "mark", "said"),
    [
        ({}, "", "1 probe, as expected: identical."),
        ({"contains": VerdictKind.INCONCLUSIVE}, "✓ ", "1 probe, as expected: identical."),
        (
            {"contains": VerdictKind.DIVERGED},
            "✗ ",
            "Not as expected, 1 of 1 probe: current/self is identical, contains is inconclusive, "
            "expected identical, contains diverged.",
        ),
    ],
)
def test_outcomes_are_counted_and_told_with_their_seeds_whatever_was_expected(
    declared: dict[str, VerdictKind], mark: str, said: str
) -> None:
    same = {1: 0.5, 42: 0.5}
    rates = judge_rates({1: True, 42: True}, {1: True, 42: False})
    expect = Expectation(verdict=VerdictKind.IDENTICAL, outcomes=declared)
    probe = probe_result(cell(1), cell(42), expect=expect)
    outcomes: dict[str, Rates | Shift] = {"post_train_loss": judge_shift(same, same), "contains": rates}
    result = RunResult(probes=(replace(probe, outcomes=outcomes),))
    found = lines(print_run, result, width=200, verbose=True)
    assert found[0] == said
    assert found[found.index("outcomes  2 outcomes judged over seeds") + 1 :] == [
        "  current/self: post_train_loss identical: equal bit for bit at 2 of 2 seeds",
        f"  current/self: {mark}contains inconclusive: {rates.reason}; {discordant(rates)[0]}",
    ]
    unmet = f"  contains  inconclusive: {rates.reason}"
    assert (unmet in lines(print_run, result, width=200)) is (mark == "✗ ")


def test_what_a_pass_could_not_have_shown_is_counted() -> None:
    said = "current/self cannot show: order and padding (batch: all 64 rows are equal); weight decay (update: it is 0)"
    passes = RunResult(probes=(whole(*BOTH),))
    assert "blind spots  1 passing probe cannot show some kinds of difference" in lines(print_run, passes)
    assert f"  {said}" in lines(print_run, passes, width=120, verbose=True)
    within = RunResult(probes=(whole(VerdictKind.WITHIN, VerdictKind.IDENTICAL),))
    assert f"  {said}" in lines(print_run, within, width=120, verbose=True)
    for kind in (VerdictKind.DIVERGED, VerdictKind.INVALID, VerdictKind.INCONCLUSIVE):
        found = lines(print_run, RunResult(probes=(whole(kind, VerdictKind.IDENTICAL),)), verbose=True)
        assert "cannot show" not in "\n".join(found)


def test_probes_with_the_same_blind_spots_are_named_together() -> None:
    spots = {"a": (ORDER, DECAY), "b": (DECAY,), "c": (ORDER, DECAY), "d": (ORDER, DECAY), "e": (ORDER, DECAY), "f": ()}
    probes = tuple(replace(probe_of(name, judged(1)), blind=found) for name, found in spots.items())
    found = lines(print_run, RunResult(probes=probes), width=130, verbose=True)
    assert found[-2:] == [
        "  a, c and 2 more cannot show: order and padding (batch: all 64 rows are equal); "
        "weight decay (update: it is 0)",
        "  b cannot show: weight decay (update: it is 0)",
    ]


def test_a_probe_whose_model_is_not_there_has_no_mark_and_says_why_once() -> None:
    why = "model owner/name is not available (the hub has no such repository (404))"
    result = RunResult(probes=(replace(probe_result(), not_run=why), probe_result(cell(1), cell(42), name="set/here")))
    found = lines(print_run, result, width=200)
    (row,) = [line.split() for line in found if line.startswith("– ")]
    assert row == ["–", "current/self", "1,", "42", "not", "run"]
    assert "✗" not in "".join(found)
    assert [line for line in found if why in line] == [
        f"Not decided: 1 of 2 probes was not run: {why}; the other is as expected: 1 identical."
    ]


def test_what_waits_for_the_other_shards_is_said() -> None:
    result = RunResult(probes=(probe_result(cell(1)),), postponed={"current/self": ("contains", "completion_loss")})
    (said,) = postponed(result)
    assert said.startswith("current/self: contains and completion_loss ")
    assert f"  {said}" in lines(print_run, result, verbose=True, width=200)
