from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.assess import assess, note_exit, trace_path
from parity.probe.values import ArmName, VerdictKind
from parity.trace import Ending, Start, TraceWriter
from tests.unit.made import END, HEADER, START, step
from tests.unit.made import PROBE as LONGER

if TYPE_CHECKING:
    from pathlib import Path


PROBE = replace(LONGER, workload=replace(LONGER.workload, steps=3))


def write(
    folder: Path,
    arm: ArmName,
    steps: int = 3,
    ending: Ending | None = None,
    start: Start | None = START,
    told: dict[str, Any] | None = None,
) -> None:
    named: dict[str, Any] = {"arm": str(arm), "seed": 1}
    header = replace(HEADER, **named | (told or {}))
    with TraceWriter(trace_path(folder, arm), header) as writer:
        if start is not None:
            writer.start(start)
        for number in range(1, steps + 1):
            writer.step(step(number))
        if ending is not None:
            writer.end(END)
            writer.close(ending)


DONE = Ending(complete=True)


def test_three_equal_traces_are_identical(tmp_path: Path) -> None:
    for arm in ArmName:
        write(tmp_path, arm, ending=DONE)
    cell = assess(PROBE, 1, tmp_path)
    assert (cell.kind, cell.steps, cell.failure, cell.note) == (VerdictKind.IDENTICAL, 3, "", "")


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
    cell = assess(PROBE, 1, tmp_path)
    assert (cell.kind, cell.failure) == (VerdictKind.INVALID, failure)


@pytest.mark.parametrize(
    ("ending", "code", "failure"),
    [
        (None, -11, "candidate: died of SIGSEGV after step 2 of 3; see trainer.log"),
        (None, 0, "candidate: the run ended without a word (after step 2 of 3); see trainer.log"),
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
    cell = assess(PROBE, 1, tmp_path)
    assert (cell.kind, cell.failure, cell.steps) == (VerdictKind.INVALID, failure, 3)


def test_a_complete_candidate_without_the_repetition_is_not_judged(tmp_path: Path) -> None:
    write(tmp_path, ArmName.REFERENCE, ending=DONE)
    write(tmp_path, ArmName.CANDIDATE, ending=DONE)
    assert assess(PROBE, 1, tmp_path).failure == "reference-again: there is no trace"


@pytest.mark.parametrize(
    ("changed", "failure"),
    [
        ({"told": {"seed": 999}}, "candidate: a trace of another cell: current/self, candidate, seed 999, 3 steps"),
        (
            {"told": {"arm": "reference"}},
            "candidate: a trace of another cell: current/self, reference, seed 1, 3 steps",
        ),
        ({"told": {"probe": "other"}}, "candidate: a trace of another cell: other, candidate, seed 1, 3 steps"),
        ({"steps": 2}, "candidate: a complete trace with 2 of 3 steps"),
        ({"start": None}, "candidate: a trace without the parameters before and after training"),
    ],
)
def test_a_whole_trace_that_is_not_the_planned_one_is_not_judged(
    tmp_path: Path, changed: dict[str, Any], failure: str
) -> None:
    for arm in ArmName:
        write(tmp_path, arm, ending=DONE, **changed if arm is ArmName.CANDIDATE else {})
    cell = assess(PROBE, 1, tmp_path)
    assert (cell.kind, cell.failure) == (VerdictKind.INVALID, failure)


def test_a_signal_without_a_name_has_a_number(tmp_path: Path) -> None:
    note_exit(tmp_path, -40)
    assert assess(PROBE, 1, tmp_path).failure == "reference: died of signal 40"


def test_an_exit_status_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "exit-status").write_text("")
    assert assess(PROBE, 1, tmp_path).failure == "reference: there is no trace"
