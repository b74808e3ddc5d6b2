"""The log that `mlx_lm.lora` prints says the steps that it says, to the digits that it has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from parity.errors import BadTraceError
from parity.judge.printed import read_printed
from tests.unit.made import PRINTED

if TYPE_CHECKING:
    from pathlib import Path

    from parity.judge.diff import Recording


def read(folder: Path, text: str) -> Recording:
    (folder / "lora.log").write_text(text)
    return read_printed(folder / "lora.log")


def test_every_line_is_a_step_and_tokens_are_counted_since_the_line_before(tmp_path: Path) -> None:
    found = read(tmp_path, PRINTED)
    assert found.rows == (
        (1, {"val_loss": 2.865, "loss": 2.123, "lr": 1e-5, "tokens": 108.0}),
        (2, {"loss": 2.023, "lr": 9e-6, "tokens": 92.0}),
        (3, {"val_loss": 2.765, "loss": 1.923, "lr": 8e-6, "tokens": 108.0}),
    )
    assert found.written == {"val_loss": ".3f", "loss": ".3f", "lr": ".3e"}
    assert found.left_out == ("Val took", "It/sec", "Tokens/sec", "Peak mem")
    assert found.blind == ()


def test_a_line_every_few_steps_is_a_mean_and_says_how_each_is_printed(tmp_path: Path) -> None:
    found = read(
        tmp_path, PRINTED.replace("Iter 3", "Iter 30").replace("Iter 2", "Iter 20").replace("Iter 1", "Iter 10")
    )
    assert found.blind == ("a single step: a loss is the mean of up to 10 steps; --steps-per-report 1 prints each",)


def test_a_progress_bar_or_a_prefix_before_a_line_does_no_harm(tmp_path: Path) -> None:
    prefixed = "".join(f"\r100%|####| 3/3 [00:00]\r[rank 0] {line}\n" for line in PRINTED.splitlines())
    assert read(tmp_path, prefixed).rows == read(tmp_path, PRINTED).rows


def test_two_runs_in_one_log_are_two_rows_of_a_step(tmp_path: Path) -> None:
    assert [step for step, _ in read(tmp_path, PRINTED * 2).rows] == [1, 2, 3, 1, 2, 3]


def test_a_loss_that_is_no_number_is_named_by_line_and_nan_is_a_value(tmp_path: Path) -> None:
    (value,) = (float(row["loss"]) for step, row in read(tmp_path, PRINTED.replace("2.123", "nan")).rows if step == 1)
    assert math.isnan(value)
    with pytest.raises(BadTraceError) as error:
        read(tmp_path, PRINTED.replace("loss 2.023", "loss 2.0x"))
    assert str(error.value) == f"{tmp_path}/lora.log:5: Train loss is '2.0x', not a number"
