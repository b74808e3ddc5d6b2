"""The folder of a cell, as far as nobody else's tests read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.trace.cell import (
    has_ended,
    must_run,
    note_exit,
    note_not_started,
    read_cell,
)
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from pathlib import Path


def test_a_cell_that_could_not_be_started_says_why_and_is_run_when_it_is_asked_for_again(tmp_path: Path) -> None:
    folder = tmp_path / "cell"
    assert not has_ended(folder)
    note_not_started(folder, "environment zoo==9: not installable")
    assert has_ended(folder)
    assert read_cell(PROBE, 1, folder).not_started == "environment zoo==9: not installable"
    assert must_run(folder)
    assert read_cell(PROBE, 1, folder).not_started == ""


def test_a_cell_that_a_signal_ended_is_run_again_without_its_half(tmp_path: Path) -> None:
    given, half = tmp_path / "reference.jsonl", tmp_path / "candidate.jsonl"
    for file in (given, half):
        file.write_text("")
    note_exit(tmp_path, -9)
    assert must_run(tmp_path, {given})
    assert [*tmp_path.iterdir()] == [given]


def test_a_cell_that_ended_by_itself_is_not_run_again(tmp_path: Path) -> None:
    note_exit(tmp_path, 1)
    assert not must_run(tmp_path)
