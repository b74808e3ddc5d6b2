"""The folder of a cell, as far as nobody else's tests read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.trace.cell import (
    Bare,
    has_ended,
    must_run,
    note_control,
    note_control_failed,
    note_exit,
    note_not_started,
    read_cell,
)
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from pathlib import Path


def test_a_control_that_left_nothing_is_noted_as_failed(tmp_path: Path) -> None:
    assert read_cell(PROBE, 1, tmp_path).control is None
    note_control_failed(tmp_path)
    assert read_cell(PROBE, 1, tmp_path).control == {}


def test_a_control_that_came_to_its_end_stays(tmp_path: Path) -> None:
    control = {"reference": Bare(parameters={"q_proj.lora_a": "23"}, sketch=(0.25, -1.5), started=(0.5, 0.0))}
    note_control(tmp_path, control)
    note_control_failed(tmp_path)
    assert read_cell(PROBE, 1, tmp_path).control == control


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "3", '{"reference": {}}',
        '{"reference": {"parameters": {"a": 1}, "sketch": [], "started": []}}',
        '{"reference": {"parameters": {}, "sketch": ["far"], "started": []}}',
        '{"reference": {"parameters": {}, "sketch": [0.5]}}',
        '{"reference": {"parameters": [], "sketch": 1, "started": []}}',
    ],
)  # fmt: skip
def test_a_control_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "control.json").write_text(text)
    assert read_cell(PROBE, 1, tmp_path).control is None


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
