"""What a test of a trainer asserts of two recordings, and what it reads when that does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import parity
from parity.errors import BadTraceError
from parity.metrics import Stage
from parity.testing import assert_identical, assert_within

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def logs(tmp_path: Path) -> tuple[Path, Path]:
    """Two logs; their loss differs at step 2, by 2⁻²⁰."""
    for name, loss in (("before", 1.5), ("after", 1.5 + 2**-20)):
        (tmp_path / f"{name}.csv").write_text(f"step,loss,lr\n1,2.0,0.001\n2,{loss!r},0.001\n")
    return tmp_path / "before.csv", tmp_path / "after.csv"


def test_two_equal_recordings_are_identical(logs: tuple[Path, Path]) -> None:
    assert_identical(logs[0], str(logs[0]))
    assert parity.compare(logs[0], logs[0]).verdict == "identical"


def test_a_difference_is_the_delta_table(logs: tuple[Path, Path]) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_identical(*logs)
    assert str(caught.value).splitlines() == [
        f"diverged: from step 2, stage loss ({logs[0]} → {logs[1]})",
        " step  stage  metric  reference   candidate           Δ  ULPs",
        "    2  loss   loss          1.5  1.50000095  +9.537e−07     –",
        "diverged: from step 2, stage loss",
        "cannot show load, adapt, batch, forward, gradient, clip, update, save: not in both files",
        "within at tolerance loss 9.537e-07",
    ]


def test_only_the_named_metrics_are_compared(logs: tuple[Path, Path]) -> None:
    assert_identical(*logs, metrics=["lr"])


def test_a_tolerance_lets_through_what_is_no_larger(logs: tuple[Path, Path]) -> None:
    assert_within(*logs, {"loss": 1e-6})
    with pytest.raises(AssertionError, match=r"2  loss   loss +1\.5 +1\.50000095"):
        assert_within(*logs, tolerance={"loss": 1e-7})


@pytest.mark.parametrize("tolerance", [None, {"loss": 1.0}])
def test_what_cannot_be_compared_does_not_pass(
    logs: tuple[Path, Path], tmp_path: Path, tolerance: dict[str, float] | None
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("step,loss,lr\n1,2.0,0.001\n")
    with pytest.raises(AssertionError, match="invalid: missing step: only the reference has step 2"):
        assert_identical(logs[0], short) if tolerance is None else assert_within(logs[0], short, tolerance)


@pytest.mark.parametrize(
    ("tolerance", "message"),
    [
        ({}, "tolerance: names no metric; write {'loss': 1e-6}, or use assert_identical"),
        ({"loss": -1.0}, "tolerance: loss is -1.0; write a size of 0 or more"),
        ({"loss": float("nan")}, "tolerance: loss is nan; write a size of 0 or more"),
        ({"los": 1.0}, "tolerance: 'los' was not compared; did you mean 'loss'?"),
    ],
)
def test_a_tolerance_that_says_nothing_is_one_line(
    logs: tuple[Path, Path], tolerance: dict[str, float], message: str
) -> None:
    with pytest.raises(parity.ParityError) as caught:
        assert_within(*logs, tolerance)
    assert str(caught.value) == message


def test_a_recording_that_is_not_there_is_one_line(logs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(BadTraceError, match=r"gone\.csv: cannot be read"):
        assert_identical(logs[0], tmp_path / "gone.csv")


def test_a_comparison_says_where_and_by_how_much(logs: tuple[Path, Path]) -> None:
    found = parity.compare(*logs)
    at = found.first_divergence
    assert (found.verdict, found.reason) == (parity.VerdictKind.DIVERGED, "from step 2, stage loss")
    assert at is not None
    assert (at.step, at.stage, at.reference, at.candidate) == (2, Stage.LOSS, 1.5, 1.5 + 2**-20)
    assert list(found.table["equal"]) == [True, True, False, True]
