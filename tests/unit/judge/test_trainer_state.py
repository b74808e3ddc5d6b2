"""A `trainer_state.json` is read entry by entry, and what sums up is left out by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from parity.errors import BadTraceError
from parity.judge.trainer_state import read_trainer_state

if TYPE_CHECKING:
    from pathlib import Path

    from parity.judge.diff import Recording

HISTORY: list[dict[str, Any]] = [
    {"step": 10, "epoch": 0.5, "loss": 2.1234, "grad_norm": 1.0528565645217896, "learning_rate": 1e-05},
    {"step": 20, "epoch": 1.0, "loss": 2.0, "grad_norm": 1.25, "learning_rate": 5e-06},
    {"step": 20, "epoch": 1.0, "eval_loss": 2.25, "eval_runtime": 3.5},
    {"step": 20, "epoch": 1.0, "train_loss": 2.06, "train_runtime": 99.0, "total_flos": 1e12},
]


def read(folder: Path, history: object = HISTORY, **changed: object) -> Recording:
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": 20, "log_history": history} | changed))
    return read_trainer_state(folder / "trainer_state.json")


def test_training_and_evaluation_of_a_step_are_one_row(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.rows == (
        (10, {"epoch": 0.5, "loss": 2.1234, "grad_norm": 1.0528565645217896, "lr": 1e-5}),
        (20, {"epoch": 1.0, "loss": 2.0, "grad_norm": 1.25, "lr": 5e-6, "eval_loss": 2.25}),
    )
    assert found.left_out == ("eval_runtime", "train_loss", "train_runtime", "total_flos")
    assert found.blind == ("a single step: a loss is the mean of up to 10 steps; logging_steps=1 logs each",)


def test_a_loss_is_known_to_be_rounded_only_if_it_is(tmp_path: Path) -> None:
    assert read(tmp_path).written == {"loss": ".4f"}
    assert read(tmp_path, [{"step": 1, "loss": 2.12345}]).written == {}


def test_two_losses_of_one_step_are_two_rows(tmp_path: Path) -> None:
    assert [step for step, _ in read(tmp_path, HISTORY[:1] * 2).rows] == [10, 10]


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("none", ": no log_history; of .json files only a trainer_state.json can be read"),
        ([], ": its log_history is empty; nothing to compare"),
        ([{"loss": 1.0}], ": entry 1 of log_history: no step that is a whole number; the file is damaged"),
        ([{"step": 1.5}], ": entry 1 of log_history: no step that is a whole number; the file is damaged"),
        ([3], ": entry 1 of log_history: no step that is a whole number; the file is damaged"),
        ([{"step": 1, "loss": "high"}], ": entry 1 of log_history: loss is 'high', not a number"),
    ],
)
def test_what_is_no_history_is_one_line(tmp_path: Path, history: object, message: str) -> None:
    with pytest.raises(BadTraceError) as error:
        read(tmp_path, history)
    assert str(error.value) == f"{tmp_path}/trainer_state.json{message}"
