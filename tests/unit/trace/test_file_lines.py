from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.errors import BadTraceError
from parity.trace.file import TraceWriter, read_trace
from parity.trace.values import Ending, Executed, Ignored, Outcome, Start, Tensor
from tests.unit.made import HEADER, START

if TYPE_CHECKING:
    from pathlib import Path

texts = st.text() | st.sampled_from(["NaN", "Infinity", "-Infinity", "null", "\u2028", "a\nb"])
losses = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324])
measured = st.fixed_dictionaries(
    {"post_train_loss": losses},
    optional={"completion_loss": losses, "contains": st.booleans(), "generated": texts},
)


def write(path: Path, start: Start = START, outcome: Outcome | None = None) -> Path:
    with TraceWriter(path, HEADER) as writer:
        writer.start(start)
        if outcome is not None:
            writer.outcome(outcome)
    return path


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(metrics=measured)
def test_every_outcome_comes_back_to_the_bit_and_every_text_to_the_letter(
    tmp_path_factory: pytest.TempPathFactory, metrics: dict[str, float | bool | str]
) -> None:
    path = write(tmp_path_factory.mktemp("trace") / "t.jsonl", outcome=Outcome(metrics=metrics))
    back = read_trace(path).outcome
    assert repr(back) == repr(Outcome(metrics=metrics))


def test_outcomes_that_are_not_finite_are_words_and_never_null(tmp_path: Path) -> None:
    outcome = Outcome(metrics={"post_train_loss": math.nan, "completion_loss": -math.inf})
    text = write(tmp_path / "t.jsonl", outcome=outcome).read_text()
    assert '{"kind": "outcome", "metrics": {"post_train_loss": "NaN", "completion_loss": "-Infinity"}}\n' in text


def test_a_trace_of_a_probe_that_does_not_ask_has_no_outcome(tmp_path: Path) -> None:
    assert read_trace(write(tmp_path / "t.jsonl")).outcome is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"metrics": {"post_train_loss": None}}, "post_train_loss is not a number: None"),
        ({"metrics": {"post_train_loss": "much"}}, "post_train_loss is not a number: 'much'"),
        ({"metrics": {"completion_loss": True}}, "completion_loss is not a number: True"),
        ({"metrics": {"contains": "yes"}}, "contains is not true or false: 'yes'"),
        ({"metrics": {"contains": 1}}, "contains is not true or false: 1"),
        ({"metrics": []}, "'list' object has no attribute 'items'"),
        ({}, "'metrics'"),
    ],
)
def test_a_damaged_outcome_is_not_read(tmp_path: Path, row: dict[str, object], message: str) -> None:
    path = write(tmp_path / "t.jsonl")
    with path.open("a") as file:
        file.write(json.dumps({"kind": "outcome"} | row) + "\n")
    with pytest.raises(BadTraceError, match=r"t\.jsonl:3: invalid outcome line ") as error:
        read_trace(path)
    assert str(error.value).endswith(f"({message})")


def test_a_number_that_no_float_can_hold_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl")
    with path.open("a") as file:
        file.write(json.dumps({"kind": "outcome", "metrics": {"post_train_loss": 10**400}}) + "\n")
    with pytest.raises(BadTraceError, match=r"t\.jsonl:3: not a line of a trace"):
        read_trace(path)


def test_half_a_character_is_spelt_out_where_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with TraceWriter(path, HEADER) as writer:
        writer.close(Ending(complete=False, why="\ud83d is half"))
    assert read_trace(path).ending.why == "\\ud83d is half"


def test_half_a_character_is_refused_where_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl")
    with path.open("a") as file:
        file.write('{"kind": "ending", "complete": false, "why": "\\ud83d"}\n')
    with pytest.raises(BadTraceError, match=r"t\.jsonl:3: not a line of a trace"):
        read_trace(path)


def test_what_was_ignored_and_what_was_loaded_come_back(tmp_path: Path) -> None:
    ignored = (
        Ignored(name="get_peft_model.layers", asked=16, effective=None, why="no such parameter"),
        Ignored(name="MLXTrainingConfig.optim", asked="adamw_8bit", effective="adamw", why="another value"),
        Ignored(name="MLXTrainingConfig.max_grad_value", asked=None, effective=1.0, why="None means a bound"),
    )
    loaded = {"a.weight": Tensor(dtype="bfloat16", shape=(2, 3), digest="aa"), **START.loaded}
    start = replace(START, loaded=loaded, ignored=ignored)
    assert read_trace(write(tmp_path / "t.jsonl", start=start)).start == start


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ignored": [{"name": "a"}]}, "'asked', 'effective', and 'why'"),
        ({"ignored": None}, "'NoneType' object is not iterable"),
        ({"loaded": {"a": {"dtype": "float32"}}}, "'shape'"),
    ],
)
def test_a_damaged_start_is_not_read(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    path = write(tmp_path / "t.jsonl")
    header, start = path.read_text().splitlines()
    path.write_text(header + "\n" + json.dumps(json.loads(start) | changed) + "\n")
    with pytest.raises(BadTraceError, match=r"t\.jsonl:2: invalid start line ") as error:
        read_trace(path)
    assert message in str(error.value)


def test_what_was_executed_comes_back_as_it_was(tmp_path: Path) -> None:
    ran = Executed(
        distribution="mlx-lm 0.32.2",
        path="mlx_lm/utils.py",
        digest="aa",
        functions=("load", "f.<locals>.g"),
        outside="/x",
    )
    start = replace(START, executed=(ran,))
    with TraceWriter(tmp_path / "t.jsonl", HEADER) as writer:
        writer.start(start)
    assert read_trace(tmp_path / "t.jsonl").start == start
