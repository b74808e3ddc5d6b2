"""Canaries as probes: a ground is recorded once, and one that is not equal to itself proves nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.canaries.ground import LOOP
from parity.errors import ParityError
from parity.probe.values import ArmName, VerdictKind
from parity.scoreboard.runs import CanaryRun, check_grounds, ground_probe, left_behind, result_of, run_changed
from parity.trace.cell import cell_folder, note_exit, trace_path
from tests.unit.made import HEADER, step
from tests.unit.stored import write_trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from parity.probe.values import Probe
    from parity.trace.cell import Run
    from parity.trace.values import Step

TRIAL = CanaryRun(provider="canary/rate-up", on=LOOP)
SEED = LOOP.workload.seeds[0]
SAME = (step(1), step(2), step(3))
OTHER = (step(1), step(2, lr=0.5), step(3))


def write(cell: Path, probe: Probe, arm: ArmName, steps: Sequence[Step]) -> None:
    path = trace_path(cell, arm)
    if not path.exists():
        write_trace(path, replace(HEADER, probe=probe.name, arm=arm, seed=SEED, steps=len(steps)), *steps)


def trains(ran: list[str], **candidates: tuple[Step, ...]) -> Run:
    """Writes the traces that are not there; a candidate's steps by the last word of its probe's name."""

    def run(probes: Sequence[Probe], into: Path) -> None:
        for probe in probes:
            cell = cell_folder(into, probe, SEED)
            cell.mkdir(parents=True, exist_ok=True)
            ran.append(f"{probe.name}: {', '.join(arm for arm in ArmName if not trace_path(cell, arm).exists())}")
            for arm in ArmName:
                key = probe.name.rpartition("/")[2].replace("-", "_") if arm is ArmName.CANDIDATE else ""
                write(cell, probe, arm, candidates.get(key, SAME))
            note_exit(cell, 0)

    return run


def test_the_reference_is_run_once_and_lent(tmp_path: Path) -> None:
    ran: list[str] = []
    second = replace(TRIAL, provider="canary/rate-down")
    run_changed([TRIAL, second], tmp_path, trains(ran, rate_up=OTHER))
    assert ran == [
        "ground/loop: reference, candidate, reference-again",
        "canary/rate-up: candidate",
        "canary/rate-down: candidate",
    ]
    assert result_of(tmp_path, TRIAL).kind is VerdictKind.DIVERGED
    assert result_of(tmp_path, second).kind is VerdictKind.IDENTICAL
    header = trace_path(cell_folder(tmp_path, TRIAL.probe, SEED), ArmName.REFERENCE).read_text().partition("\n")[0]
    assert json.loads(header)["probe"] == "canary/rate-up"


def test_what_may_leave_something_behind_runs_the_reference_again(tmp_path: Path) -> None:
    ran: list[str] = []
    run = replace(TRIAL, repeats=True)
    run_changed([run], tmp_path, trains(ran))
    assert ran[1] == "canary/rate-up: candidate, reference-again"
    assert left_behind(tmp_path, run) is None


def test_a_ground_is_recorded_once_for_all_calls(tmp_path: Path) -> None:
    ran: list[str] = []
    for provider in ("canary/rate@1", "canary/rate@2"):
        run_changed([replace(TRIAL, provider=provider)], tmp_path, trains(ran))
    assert [line.partition(":")[0] for line in ran] == ["ground/loop", "canary/rate@1", "canary/rate@2"]


def test_what_was_killed_is_run_again_and_what_has_ended_is_not(tmp_path: Path) -> None:
    ran: list[str] = []
    second = replace(TRIAL, provider="canary/rate-down")
    run_changed([TRIAL, second], tmp_path, trains(ran))
    ran.clear()
    killed = cell_folder(tmp_path, second.probe, SEED)
    trace_path(killed, ArmName.CANDIDATE).write_text("{")
    (killed / "exit-status").unlink()
    run_changed([TRIAL, second], tmp_path, trains(ran))
    assert ran == ["canary/rate-down: candidate"]
    assert result_of(tmp_path, second).kind is VerdictKind.IDENTICAL


def test_on_a_ground_that_is_not_equal_to_itself_nothing_is_caught(tmp_path: Path) -> None:
    ran: list[str] = []
    run_changed([TRIAL], tmp_path, trains(ran, loop=OTHER))
    assert [line.partition(":")[0] for line in ran] == ["ground/loop"]
    found = result_of(tmp_path, TRIAL)
    assert found.verdict is None
    assert found.failure == "ground loop is diverged: from step 2, stage schedule"


def test_grounds_without_their_model_are_said_to_be(tmp_path: Path) -> None:
    elsewhere = replace(LOOP, workload=replace(LOOP.workload, model=str(tmp_path / "gone")))
    with pytest.raises(ParityError, match="gone: no such folder; canaries need it, so install mlx-parity again"):
        check_grounds([elsewhere])
    check_grounds([LOOP])


def test_a_ground_is_a_probe_of_a_provider_against_itself() -> None:
    probe = ground_probe(LOOP)
    assert probe.reference == probe.candidate
    assert TRIAL.probe.candidate == replace(probe.candidate, provider="canary/rate-up")
