"""The file of a control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.trace.control import Bare, note_control, note_control_failed, read_control

if TYPE_CHECKING:
    from pathlib import Path


def test_a_control_that_left_nothing_is_noted_as_failed(tmp_path: Path) -> None:
    assert read_control(tmp_path) is None
    note_control_failed(tmp_path)
    assert read_control(tmp_path) == {}


def test_a_control_that_came_to_its_end_stays(tmp_path: Path) -> None:
    control = {"reference": Bare(parameters={"q_proj.lora_a": "23"}, sketch=(0.25, -1.5), started=(0.5, 0.0))}
    note_control(tmp_path, control)
    note_control_failed(tmp_path)
    assert read_control(tmp_path) == control


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
    assert read_control(tmp_path) is None
