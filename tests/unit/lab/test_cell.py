"""Which arms a process of a cell trains, and in which order; instead of training, a stand-in notes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.lab import cell
from parity.probe.values import Arm, ArmName
from parity.trace.cell import trace_path
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from parity.lab.replay.observer import Observer
    from parity.probe.values import Probe

THREE = ["reference", "candidate", "reference-again"]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    found: list[str] = []

    def run_arm(_probe: Probe, name: ArmName, _seed: int, path: Path, observers: Sequence[Observer] = ()) -> bool:
        kept = path == trace_path(tmp_path, name)
        found.append(f"{name}{'' if kept else ', not kept'}{', in part' if observers else ''}")
        return True

    monkeypatch.setattr(cell, "run_arm", run_arm)
    return found


@pytest.mark.parametrize(
    ("lent", "arms"),
    [
        ([], THREE),
        ([ArmName.REFERENCE], ["reference, not kept, in part", "candidate", "reference-again"]),
        ([ArmName.REFERENCE, ArmName.REFERENCE_AGAIN], ["candidate"]),
    ],
)
def test_a_candidate_is_never_the_first_arm_of_a_process_that_repeats_the_reference(
    tmp_path: Path, ran: list[str], lent: list[ArmName], arms: list[str]
) -> None:
    for name in lent:
        trace_path(tmp_path, name).touch()
    assert cell.run_cell(PROBE, 1, tmp_path)
    assert ran == arms


def test_a_command_is_no_arm_of_this_process(tmp_path: Path, ran: list[str]) -> None:
    trace_path(tmp_path, ArmName.REFERENCE).touch()
    assert cell.run_cell(replace(PROBE, reference=Arm(provider="command", command=("true",))), 1, tmp_path)
    assert ran == ["candidate", "reference-again"]


def test_a_golden_needs_the_reference_alone(tmp_path: Path, ran: list[str]) -> None:
    assert cell.run_cell(PROBE, 1, tmp_path, [ArmName.REFERENCE])
    assert ran == ["reference"]
