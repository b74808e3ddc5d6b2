from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.judge.blind_spots import BlindSpot
from parity.judge.cell import judge_cell, judge_outcomes
from parity.judge.effective import Difference, Warned
from parity.judge.outcomes import Rates, Shift
from parity.metrics import Stage
from parity.probe.values import ArmName, VerdictKind
from parity.trace.cell import note_exit, read_cell, trace_path
from parity.trace.values import Ending, Executed, Ignored, Outcome, Start
from tests.unit.made import DONE, HEADER, START, cell, step
from tests.unit.stored import FIRST as PROBE
from tests.unit.stored import write_trace

if TYPE_CHECKING:
    from pathlib import Path

    from parity.judge.result import CellResult


def write(
    folder: Path,
    arm: ArmName,
    steps: int = 3,
    ending: Ending | None = None,
    start: Start | None = START,
    told: dict[str, Any] | None = None,
    outcome: Outcome | None = None,
    odd: int = 0,
) -> None:
    named: dict[str, Any] = {"arm": str(arm), "seed": 1}
    header = replace(HEADER, **named | (told or {}))
    each = [step(number, **({"clipped": "ee"} if number == odd else {})) for number in range(1, steps + 1)]
    write_trace(trace_path(folder, arm), header, *each, start=start, outcome=outcome, ending=ending)
    note_exit(folder, 0)


def test_three_equal_traces_are_identical(tmp_path: Path) -> None:
    for arm in ArmName:
        write(tmp_path, arm, ending=DONE)
    found = judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path))
    assert (found.kind, found.steps, found.failure, found.note) == (VerdictKind.IDENTICAL, 3, "", "")
    assert (found.differences, found.warnings, found.blind, found.outcomes) == ((), (), (), ({}, {}))


@pytest.mark.parametrize(
    ("code", "log", "failure"),
    [
        (None, "", "reference: there is no trace"),
        (1, "warming up\nImportError: no module\n", "reference: ended with exit status 1 (ImportError: no module)"),
        (-9, "", "reference: died of SIGKILL"),
    ],
)
def test_a_cell_that_never_began_says_how_it_ended(tmp_path: Path, code: int | None, log: str, failure: str) -> None:
    if code is not None:
        note_exit(tmp_path, code)
        (tmp_path / "trainer.log").write_text(log)
    found = judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path))
    assert (found.kind, found.failure) == (VerdictKind.INVALID, failure)


@pytest.mark.parametrize(
    ("ending", "code", "failure"),
    [
        (None, -11, "candidate: died of SIGSEGV after step 2 of 3; see trainer.log"),
        (None, 0, "candidate: the arm ended without giving a reason (after step 2 of 3); see trainer.log"),
        (
            Ending(complete=False, why="ValueError: shapes"),
            1,
            "candidate: ValueError: shapes (after step 2 of 3); see trainer.log",
        ),
        (
            Ending(complete=False, why="unsloth_zoo is not installed; uv pip install unsloth-zoo", unavailable=True),
            1,
            "candidate: unsloth_zoo is not installed; uv pip install unsloth-zoo",
        ),
    ],
)
def test_an_arm_that_did_not_finish_says_why(tmp_path: Path, ending: Ending | None, code: int, failure: str) -> None:
    write(tmp_path, ArmName.REFERENCE, ending=DONE)
    write(tmp_path, ArmName.CANDIDATE, steps=2, ending=ending)
    note_exit(tmp_path, code)
    found = judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path))
    assert (found.kind, found.failure, found.steps) == (VerdictKind.INVALID, failure, 3)


def test_a_complete_candidate_without_the_repetition_is_not_judged(tmp_path: Path) -> None:
    write(tmp_path, ArmName.REFERENCE, ending=DONE)
    write(tmp_path, ArmName.CANDIDATE, ending=DONE)
    assert judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path)).failure == "reference-again: there is no trace"


@pytest.mark.parametrize(
    ("changed", "failure"),
    [
        (
            {"told": {"seed": 999}},
            "candidate: the trace of a different cell: current/self, candidate, seed 999, 3 steps",
        ),
        (
            {"told": {"arm": "reference"}},
            "candidate: the trace of a different cell: current/self, reference, seed 1, 3 steps",
        ),
        ({"told": {"probe": "other"}}, "candidate: the trace of a different cell: other, candidate, seed 1, 3 steps"),
        ({"steps": 2}, "candidate: a complete trace with 2 of 3 steps"),
        ({"start": None}, "candidate: a trace that lacks the parameters before or after training"),
    ],
)
def test_a_whole_trace_that_is_not_the_planned_one_is_not_judged(
    tmp_path: Path, changed: dict[str, Any], failure: str
) -> None:
    for arm in ArmName:
        write(tmp_path, arm, ending=DONE, **changed if arm is ArmName.CANDIDATE else {})
    found = judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path))
    assert (found.kind, found.failure) == (VerdictKind.INVALID, failure)


def test_a_signal_without_a_name_has_a_number(tmp_path: Path) -> None:
    note_exit(tmp_path, -40)
    assert judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path)).failure == "reference: died of signal 40"


@pytest.mark.parametrize("left", [None, "", "0", "zero\n"])
def test_complete_traces_without_an_exit_status_are_not_judged(tmp_path: Path, left: str | None) -> None:
    for arm in ArmName:
        write(tmp_path, arm, ending=DONE)
    (tmp_path / "exit-status").unlink()
    if left is not None:
        (tmp_path / "exit-status").write_text(left)
    failure = "its exit-status is missing or damaged: the process was killed at its end"
    assert judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path)).failure == failure


def test_an_exit_status_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "exit-status").write_text("")
    assert judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path)).failure == "reference: there is no trace"


TOLD = Ignored(name="get_peft_model.layers", asked=16, effective=None, why="no such parameter")


def with_an_arm_of_its_own(folder: Path, start: Start, outcome: Outcome | None = None) -> CellResult:
    """A cell whose candidate starts otherwise; the repetition has outcomes that nobody asks for."""
    told = {"declared": {"provider": "mlx-lm", "settings": {"max_grad_value": 1.0}}}
    write(folder, ArmName.REFERENCE, ending=DONE, outcome=Outcome(metrics={"contains": True}))
    write(folder, ArmName.CANDIDATE, ending=DONE, start=start, outcome=outcome, told=told)
    write(folder, ArmName.REFERENCE_AGAIN, ending=DONE, outcome=Outcome(metrics={"contains": False}))
    return judge_cell(PROBE, 1, read_cell(PROBE, 1, folder))


def test_a_cell_knows_what_really_ran_differently_and_whether_that_was_asked_for(tmp_path: Path) -> None:
    effective = {"optimizer.class": "AdamW", "lora.layers": 18, "clip": "value 1.0"}
    found = with_an_arm_of_its_own(tmp_path, replace(START, effective=effective))
    assert found.differences == (Difference(name="lora.layers", reference=16, candidate=18, declared=False),)


def test_a_cell_knows_what_was_ignored(tmp_path: Path) -> None:
    found = with_an_arm_of_its_own(tmp_path, replace(START, ignored=(TOLD,)))
    assert found.warnings == (Warned(arm=ArmName.CANDIDATE, ignored=TOLD),)


def test_a_cell_knows_what_it_could_not_have_shown(tmp_path: Path) -> None:
    found = with_an_arm_of_its_own(tmp_path, replace(START, effective={"clip": "value 1.0"}))
    because = "the candidate's bound, value 1.0, never binds in 3 steps"
    assert found.blind == (BlindSpot(stage=Stage.CLIP, what="clipping", because=because),)


def test_a_cell_keeps_the_outcomes_of_the_reference_and_of_the_candidate(tmp_path: Path) -> None:
    found = with_an_arm_of_its_own(tmp_path, START, Outcome(metrics={"contains": False, "generated": "NaN"}))
    assert found.outcomes == ({"contains": True}, {"contains": False, "generated": "NaN"})


def test_a_cell_without_one_outcome_line_has_none_of_that_arm(tmp_path: Path) -> None:
    assert with_an_arm_of_its_own(tmp_path, START).outcomes == ({"contains": True}, {})


def test_a_cell_that_failed_has_no_outcome_that_could_be_judged(tmp_path: Path) -> None:
    write(tmp_path, ArmName.REFERENCE, ending=DONE, outcome=Outcome(metrics={"contains": True}))
    found = judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path))
    assert (found.outcomes, judge_outcomes([found])) == (({}, {}), {})


def at(seed: int, reference: dict[str, Any], candidate: dict[str, Any]) -> CellResult:
    return replace(cell(seed), outcomes=(reference, candidate))


def test_where_nothing_was_measured_no_outcome_is_judged() -> None:
    assert judge_outcomes([]) == {}
    assert judge_outcomes([cell(1), cell(42)]) == {}
    assert judge_outcomes([at(1, {"generated": "a"}, {"generated": "b"})]) == {}


def test_every_outcome_is_judged_over_the_seeds_in_one_order() -> None:
    left = {"contains": True, "generated": "a", "completion_loss": 0.5, "post_train_loss": 0.25}
    right = {"post_train_loss": 0.25, "contains": False, "completion_loss": 0.75, "generated": "b"}
    found = judge_outcomes([at(1, left, right), at(42, left, left)])
    assert list(found) == ["post_train_loss", "completion_loss", "contains"]
    same, shift, rates = found.values()
    assert isinstance(same, Shift)
    assert isinstance(shift, Shift)
    assert isinstance(rates, Rates)
    assert same.kind is VerdictKind.IDENTICAL
    assert (shift.kind, shift.deltas) == (VerdictKind.INCONCLUSIVE, {1: 0.25, 42: 0.0})
    assert (rates.reference, rates.candidate, rates.only_reference) == (2, 1, (1,))


def test_six_seeds_that_all_differ_alike_are_more_than_chance() -> None:
    left, right = {"contains": True, "post_train_loss": 0.5}, {"contains": False, "post_train_loss": 0.25}
    found = judge_outcomes([at(seed, left, right) for seed in range(6)])
    assert {name: judged.kind for name, judged in found.items()} == {
        "post_train_loss": VerdictKind.DIVERGED,
        "contains": VerdictKind.DIVERGED,
    }


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        ({}, "nothing to pair: 2 seeds of the reference, 1 of the candidate, 1 in common"),
        ({"post_train_loss": math.nan}, "NaN or infinite at 1 of 2 seeds, first at seed 42"),
    ],
)
def test_an_outcome_that_one_seed_lacks_is_invalid(candidate: dict[str, Any], reason: str) -> None:
    whole = {"post_train_loss": 0.5}
    found = judge_outcomes([at(1, whole, whole), at(42, whole, candidate)])["post_train_loss"]
    assert (found.kind, found.reason) == (VerdictKind.INVALID, reason)


def test_an_outcome_that_one_arm_never_measured_is_invalid() -> None:
    found = judge_outcomes([at(1, {"contains": True}, {})])["contains"]
    assert found.reason == "nothing to compare: 1 seeds of the reference, 0 of the candidate"
    assert found.kind is VerdictKind.INVALID


def executed_by(provider: str, *functions: str) -> tuple[dict[str, Any], Start]:
    """What a trace tells of an arm that claims mlx-lm and runs these functions of it."""
    file = Executed(distribution="mlx-lm 0.32.2", path="mlx_lm/tuner/trainer.py", digest="aa", functions=functions)
    provenance = {**HEADER.provenance, "claims": ["mlx-lm"]}
    told = {"declared": {"provider": provider}, "provenance": provenance}
    return told, replace(START, executed=(file,))


@pytest.mark.parametrize(
    ("functions", "kind", "reason"),
    [
        (("default_loss",), VerdictKind.INVALID, "both arms executed the same code: 1 functions of mlx-lm 0.32.2"),
        (("default_loss", "train"), VerdictKind.IDENTICAL, "bit for bit"),
    ],
)
def test_two_providers_that_executed_the_same_code_are_no_pass(
    tmp_path: Path, functions: tuple[str, ...], kind: VerdictKind, reason: str
) -> None:
    for arm in ArmName:
        candidate = arm is ArmName.CANDIDATE
        provider, ran = ("mlx-lm-train", functions) if candidate else ("mlx-lm", ("default_loss",))
        told, start = executed_by(provider, *ran)
        write(tmp_path, arm, ending=DONE, start=start, told=told)
    found = judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path))
    assert (found.kind, found.reason) == (kind, reason)
    assert found.executed[ArmName.CANDIDATE][0].functions == functions


@pytest.mark.parametrize(("odd", "kind"), [(1, VerdictKind.INVALID), (2, VerdictKind.DIVERGED)])
def test_arms_that_diverge_after_step_1_can_be_told_apart_although_they_executed_the_same_code_until_then(
    tmp_path: Path, odd: int, kind: VerdictKind
) -> None:
    for arm in ArmName:
        candidate = arm is ArmName.CANDIDATE
        told, start = executed_by("mlx-lm-train" if candidate else "mlx-lm", "default_loss")
        write(tmp_path, arm, ending=DONE, start=start, told=told, odd=odd if candidate else 0)
    assert judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path)).kind is kind


def test_a_function_of_upstream_that_nobody_has_looked_at_is_said(tmp_path: Path) -> None:
    versions = {**HEADER.provenance["versions"], "mlx-lm": "99.0"}
    provenance = {**HEADER.provenance, "versions": versions, "upstream": {"default_loss": "00"}}
    for arm in ArmName:
        write(tmp_path, arm, ending=DONE, told={"provenance": provenance})
    (said,) = judge_cell(PROBE, 1, read_cell(PROBE, 1, tmp_path)).upstream
    assert said.startswith("mlx-lm 99.0: default_loss differs from the one that was last reviewed (")
