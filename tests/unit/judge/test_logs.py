from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.errors import BadTraceError
from parity.judge.diff import diff
from parity.judge.recorded import read_recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.judge.diff import Recording

PUBLISHED = Path(__file__).parents[3] / "fixtures" / "published"


def read_recording(name: str, metrics: Sequence[str] = ()) -> Recording:
    found = read_recorded(name, metrics)[None].recording
    return replace(found, rows=tuple(found.rows))


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_the_published_round_bo_parts_at_step_2() -> None:
    table = f"{PUBLISHED}/round-bo.csv"
    delta = diff(read_recording(f"{table}::probe_31_mlx_lm"), read_recording(f"{table}::probe_35_zoo_compiled")).table
    unequal = delta[~delta["equal"]]
    assert list(unequal["step"]) == [2, 3, 4, 5]
    assert [round(value, 4) for value in unequal["delta"]] == [0.0216, 0.0144, 0.0529, 0.0048]


def test_the_published_round_bp_never_parts() -> None:
    rows = read_recording(f"{PUBLISHED}/round-bp.csv::delta_loss").rows
    assert [step for step, _ in rows] == list(range(1, 31))
    assert all(row == {"loss": 0.0} for _, row in rows)


def test_a_log_under_mlx_lms_names(tmp_path: Path) -> None:
    csv = written(tmp_path, "a.csv", "iteration,train_loss,learning_rate,note\n1,2.5,0.001,warm\n2,2.25,0.001,\n")
    assert read_recording(csv).rows == ((1, {"loss": 2.5, "lr": 0.001}), (2, {"loss": 2.25, "lr": 0.001}))


def test_a_column_is_found_by_its_own_name_too(tmp_path: Path) -> None:
    csv = written(tmp_path, "a.csv", "step,train_loss\n1,2.5\n")
    assert read_recording(f"{csv}::train_loss").rows == ((1, {"loss": 2.5}),)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "step,loss,loss\n1,2.5,9\n", "a.csv: 'loss' stands twice; leave one of them out"),
        ("a.csv", "step,loss, loss\n1,2.5,9\n", "a.csv: 'loss' stands twice; leave one of them out"),
        (
            "a.csv",
            "step,train_loss,loss\n1,2.5,9\n",
            "a.csv: both 'train_loss' and 'loss' are the loss; leave one of them out",
        ),
        (
            "a.csv",
            "iteration,step,loss\n1,2,9\n",
            "a.csv: both 'iteration' and 'step' are the step; leave one of them out",
        ),
        (
            "a.jsonl",
            '{"step": 1, "loss": 1.0}\n{"step": 2, "loss": 1.0, "loss": 2.0}\n',
            "a.jsonl:2: 'loss' stands twice; leave one of them out",
        ),
        (
            "a.jsonl",
            '{"step": 1, "loss": 1.0, "train_loss": 2.0}\n',
            "a.jsonl:1: both 'loss' and 'train_loss' are the loss; leave one of them out",
        ),
    ],
)
@pytest.mark.parametrize("column", ["", "::loss"])
def test_no_column_is_dropped_in_silence(tmp_path: Path, name: str, text: str, message: str, column: str) -> None:
    with pytest.raises(BadTraceError) as error:
        read_recording(written(tmp_path, name, text) + column)
    assert str(error.value) == f"{tmp_path}/{message}"


def test_a_name_of_the_same_column_that_has_no_value_is_no_second_one(tmp_path: Path) -> None:
    jsonl = written(tmp_path, "a.jsonl", '{"step": 1, "loss": 1.0, "train_loss": null}\n')
    assert read_recording(jsonl).rows == ((1, {"loss": 1.0}),)


def test_csv_and_json_lines_are_read_alike_and_without_rounding(tmp_path: Path) -> None:
    csv = written(tmp_path, "a.csv", "step,loss\n1,0.1000000014901161193847656\n")
    jsonl = written(tmp_path, "a.jsonl", '{"step": 1, "loss": 0.10000000149011612}\n')
    assert read_recording(csv).rows == read_recording(jsonl).rows == ((1, {"loss": 0.10000000149011612}),)


def test_a_nan_is_kept_and_an_empty_field_is_missing(tmp_path: Path) -> None:
    left = written(tmp_path, "a.csv", "step,loss,lr\n1,NaN,0.1\n2,1.0,\n")
    right = written(tmp_path, "b.csv", "step,loss,lr\n1,1.0,0.1\n2,1.0,0.1\n")
    problems = [str(problem) for problem in diff(read_recording(left), read_recording(right)).problems]
    assert problems == ["NaN in the reference: loss at step 1", "extra metric: lr at step 2"]


@pytest.mark.parametrize(("word", "field"), [("NaN", "NaN"), ('"NaN"', "NaN")])
def test_a_nan_in_json_lines_is_a_nan_on_both_sides_too(tmp_path: Path, word: str, field: str) -> None:
    left = written(tmp_path, "a.jsonl", f'{{"step": 1, "loss": 1.0}}\n{{"step": 2, "loss": {word}}}\n')
    right = written(tmp_path, "b.csv", f"step,loss\n1,1.0\n2,{field}\n")
    problems = [str(problem) for problem in diff(read_recording(left), read_recording(right)).problems]
    assert problems == ["NaN in both: loss at step 2"]


def test_fields_missing_on_both_sides_are_not_equal(tmp_path: Path) -> None:
    csv = written(tmp_path, "a.csv", "step,loss\n1,1.0\n2,\n")
    problems = [str(problem) for problem in diff(read_recording(csv), read_recording(csv)).problems]
    assert problems == ["missing metric: loss at step 2"]


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    csv = written(tmp_path, "a.csv", "step,loss,lr\n1,1.0,0.1\n")
    assert read_recording(csv, ["lr"]).rows == ((1, {"lr": 0.1}),)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "no rows; nothing to compare"),
        ("a.csv", "step,loss\n1,1.0\n2,oops\n", "row 2: loss is 'oops', not a number"),
        ("a.csv", "step,mood\n1,1.0\n2,oops\n", "row 2: mood is 'oops', not a number"),
        ("a.csv", "step,loss\n1,2,3.0\n", "row 1 does not have as many fields as the header"),
        ("a.csv", "step,loss\n1\n", "row 1 does not have as many fields as the header"),
        ("b.jsonl", '{"step": 1, "loss": 1}\n3\n', "2: not a JSON object; a log has one per line"),
        ("a.csv", "loss\n1\n", "no column 'step' (loss)"),
        ("a.csv", "step,loss\n", "no rows; nothing to compare"),
        ("a.csv", "step,loss\n1.5,2\n", "row 1: step is '1.5', not a whole number"),
        ("a.csv", "step,note\n1,warm\n", "no numeric column except 'step'; nothing to compare"),
        (
            "a.txt",
            "step,loss\n",
            "neither a trace nor a log; name the folder that `parity trace` wrote, a .jsonl or .csv file, "
            "a trainer_state.json, or the log that mlx_lm.lora printed",
        ),
        ("a.txt::loss", "step,loss\n", "loss is no column: only .csv and .jsonl files have columns"),
        ("a.csv::los", "step,loss\n1,2\n", "no column 'los'; did you mean 'loss'?"),
    ],
)
def test_what_is_no_log_is_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    file = written(tmp_path, name.partition("::")[0], text)
    with pytest.raises(BadTraceError) as error:
        read_recording(str(tmp_path / name))
    assert str(error.value) in {f"{file}: {message}", f"{file}:{message}"}


def test_an_unknown_metric_names_the_nearest(tmp_path: Path) -> None:
    csv = written(tmp_path, "a.csv", "step,loss\n1,1.0\n")
    with pytest.raises(BadTraceError, match=r"no metric 'los'; did you mean 'loss'\?"):
        read_recording(csv, ["los"])
