"""Two sides that somebody names are judged as a cell is, and what they cannot show is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.errors import BadTraceError
from parity.judge.comparison import Comparison, compare
from parity.judge.recorded import Form, read_recorded
from parity.judge.result import gravest
from parity.probe.values import VerdictKind
from parity.trace.values import Ending, Tensor
from tests.unit.made import DONE, HEADER, PRINTED, START, step
from tests.unit.stored import write_trace

if TYPE_CHECKING:
    from pathlib import Path

    from parity.trace.values import Header, Start, Step


def traced(
    file: Path,
    *steps: Step,
    header: Header = HEADER,
    start: Start | None = START,
    ending: Ending | None = DONE,
) -> Path:
    """A folder as `parity trace --out` leaves it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_trace(file, header, *(steps or [step(number) for number in (1, 2, 3)]), start=start, ending=ending)
    return file.parent


def of(reference: object, candidate: object, *metrics: str, **tolerance: float) -> list[Comparison]:
    sides = [read_recorded(str(side), metrics) for side in (reference, candidate)]
    return compare(*sides, tolerance=tolerance, metrics=metrics)


def one(reference: object, candidate: object, *metrics: str, **tolerance: float) -> Comparison:
    (found,) = of(reference, candidate, *metrics, **tolerance)
    return found


def test_two_folders_with_equal_traces_are_identical(tmp_path: Path) -> None:
    found = one(traced(tmp_path / "a" / "trace.jsonl"), traced(tmp_path / "b" / "trace.jsonl"))
    assert (found.verdict.kind, found.verdict.reason, found.cell.steps) == (VerdictKind.IDENTICAL, "bit for bit", 3)


def test_a_difference_is_found_at_its_stage_and_step(tmp_path: Path) -> None:
    a = traced(tmp_path / "a" / "trace.jsonl")
    b = traced(tmp_path / "b" / "trace.jsonl", step(1), step(2, clipped="f" * 16), step(3, loss=9.0))
    found = one(a, b / "trace.jsonl").verdict
    assert (found.kind, found.reason) == (VerdictKind.DIVERGED, "from step 2, stage clip")


def test_a_candidate_that_misreports_is_found_as_in_a_cell(tmp_path: Path) -> None:
    a = traced(tmp_path / "a" / "trace.jsonl")
    b = traced(tmp_path / "b" / "trace.jsonl", step(1), step(2, reported={"loss": 9.0}), step(3))
    found = one(a, b).verdict
    assert found.kind is VerdictKind.DIVERGED
    assert found.reason.startswith("the candidate reports a loss of 9 at step 2")
    assert one(a, b, "loss").verdict.kind is VerdictKind.IDENTICAL


def test_two_arms_that_train_nothing_prove_nothing(tmp_path: Path) -> None:
    still = [step(number, grad_norm=0.0) for number in (1, 2)]
    a, b = (traced(tmp_path / name / "trace.jsonl", *still) for name in "ab")
    found = one(a, b).verdict
    assert (found.kind, found.reason) == (
        VerdictKind.INVALID,
        "nothing was trained: in both arms, the gradient was zero at every one of 2 steps",
    )


def test_different_models_are_said_and_no_divergence_of_a_trainer(tmp_path: Path) -> None:
    a = traced(tmp_path / "a" / "trace.jsonl")
    other = replace(START, loaded={"model.norm.weight": Tensor(dtype="bfloat16", shape=(128,), digest="44")})
    found = one(a, traced(tmp_path / "b" / "trace.jsonl", start=other)).verdict
    assert (found.kind, found.reason) == (
        VerdictKind.INVALID,
        "different models: 1 of 1 parameters do not correspond, first model.norm.weight: "
        "[64] in the reference, [128] in the candidate",
    )
    renamed = replace(START, loaded={"norm.weight": START.loaded["model.norm.weight"]})
    found = one(a, traced(tmp_path / "c" / "trace.jsonl", start=renamed)).verdict
    assert found.reason.endswith("first model.norm.weight: [64] in the reference, absent in the candidate")
    assert one(a, tmp_path / "c", "loss").verdict.kind is VerdictKind.IDENTICAL


def test_other_weights_of_one_model_are_a_divergence_at_loading(tmp_path: Path) -> None:
    other = replace(START, loaded={"model.norm.weight": Tensor(dtype="bfloat16", shape=(64,), digest="44")})
    found = one(traced(tmp_path / "a" / "trace.jsonl"), traced(tmp_path / "b" / "trace.jsonl", start=other)).verdict
    assert (found.kind, found.reason) == (VerdictKind.DIVERGED, "from step 0, stage load")


def test_step_counts_that_differ_are_said(tmp_path: Path) -> None:
    found = one(traced(tmp_path / "a" / "trace.jsonl"), traced(tmp_path / "b" / "trace.jsonl", step(1)))
    assert found.verdict.reason == "missing step: only the reference has steps 2 to 3"


def test_a_training_that_died_says_why_it_did(tmp_path: Path) -> None:
    died = Ending(complete=False, why="ValueError: no rows")
    found = one(traced(tmp_path / "a" / "trace.jsonl"), traced(tmp_path / "b" / "trace.jsonl", ending=died))
    assert (found.verdict.kind, found.verdict.reason) == (
        VerdictKind.INVALID,
        "incomplete: candidate: ValueError: no rows",
    )


def test_a_device_that_does_not_repeat_itself_leaves_it_open(tmp_path: Path) -> None:
    gpu = replace(
        HEADER, provenance=dict(HEADER.provenance) | {"device": {"type": "gpu", "name": "M4", "deterministic": False}}
    )
    a = traced(tmp_path / "a" / "trace.jsonl", header=gpu)
    near = traced(tmp_path / "b" / "trace.jsonl", step(1), step(2, loss=2.6, reported={}), step(3), header=gpu)
    found = one(a, near).verdict
    assert (found.kind, found.reason) == (
        VerdictKind.INCONCLUSIVE,
        "they differ from step 2, stage loss, but the device does not repeat itself, and nothing here tells how far; "
        "state a --tolerance, or ask `parity run`, which measures it",
    )
    assert one(a, near, loss=0.2).verdict.kind is VerdictKind.WITHIN
    rate = traced(tmp_path / "c" / "trace.jsonl", step(1, loss=1.6, reported={}), step(2, lr=0.5), step(3), header=gpu)
    assert one(a, rate).verdict.reason == "from step 2, stage schedule"


def test_ranks_are_compared_each_with_its_own(tmp_path: Path) -> None:
    for side in "ab":
        for rank in (0, 1, 10):
            steps = [step(1), step(2, loss=9.0 if (side, rank) == ("b", 10) else 2.5)]
            traced(tmp_path / side / f"trace-{rank}.jsonl", *steps)
    found = of(tmp_path / "a", tmp_path / "b")
    assert [each.name for each in found] == ["rank 0", "rank 1", "rank 10"]
    assert [each.verdict.kind for each in found] == [VerdictKind.IDENTICAL] * 2 + [VerdictKind.DIVERGED]
    assert gravest(each.verdict.kind for each in found) is VerdictKind.DIVERGED


def test_sides_of_different_ranks_are_refused(tmp_path: Path) -> None:
    traced(tmp_path / "a" / "trace-0.jsonl")
    with pytest.raises(BadTraceError) as error:
        of(traced(tmp_path / "a" / "trace-1.jsonl"), traced(tmp_path / "b" / "trace.jsonl"))
    assert str(error.value) == (
        f"{tmp_path}/a holds ranks 0, 1, {tmp_path}/b holds one process; "
        "compare the same rank of both: name the two files"
    )


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        ((), "`parity trace --out DIR -- COMMAND` makes one"),
        (("reference.jsonl", "candidate.jsonl"), "name a file of it: candidate.jsonl, reference.jsonl"),
    ],
)
def test_a_folder_that_holds_no_trace_says_what_could(tmp_path: Path, files: tuple[str, ...], advice: str) -> None:
    for name in files:
        traced(tmp_path / name)
    with pytest.raises(BadTraceError) as error:
        read_recorded(str(tmp_path))
    assert str(error.value) == f"{tmp_path}: holds no trace.jsonl and no trainer_state.json; {advice}"


def state(file: Path, *losses: float) -> Path:
    history = [{"step": number, "loss": loss, "learning_rate": 1e-5} for number, loss in enumerate(losses, start=1)]
    file.write_text(json.dumps({"log_history": history}))
    return file


def test_a_printed_log_is_identical_only_to_the_digits_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "lora.log").write_text(PRINTED)
    found = one(tmp_path / "lora.log", tmp_path / "lora.log")
    assert (found.verdict.kind, found.verdict.reason) == (VerdictKind.IDENTICAL, "to the digits that are written")
    assert found.blind == (
        "a difference of val_loss under 0.0005: it has 3 decimals",
        "a difference of loss under 0.0005: it has 3 decimals",
        "a difference of lr under 1 in 1,000: it has 4 digits",
        "load, adapt, batch, forward, gradient, clip, update, save: not in both files",
    )
    assert found.left_out == ("Val took", "It/sec", "Tokens/sec", "Peak mem")


def test_the_finer_side_is_rounded_as_the_coarser_is(tmp_path: Path) -> None:
    (tmp_path / "lora.log").write_text(PRINTED)
    exact = [2.1231, 2.0234, 1.92252]
    found = one(tmp_path / "lora.log", state(tmp_path / "a.json", *exact), "loss")
    assert found.verdict.reason == "to the digits that are written"
    exact[1] = 2.0236
    found = one(tmp_path / "lora.log", state(tmp_path / "b.json", *exact), "loss")
    assert (found.verdict.kind, found.verdict.reason) == (VerdictKind.DIVERGED, "from step 2, stage loss")


def test_of_two_forms_what_both_have_is_compared_and_the_rest_is_named(tmp_path: Path) -> None:
    steps = [step(1, loss=2.1231, lr=1e-5), step(2, loss=2.0234, lr=9e-6), step(3, loss=1.92252, lr=8e-6)]
    tokens: list[dict[str, Any]] = [{"tokens": 108}, {"tokens": 92}, {"tokens": 108}]
    folder = traced(tmp_path / "a" / "trace.jsonl", *(replace(s, **t) for s, t in zip(steps, tokens, strict=True)))
    (tmp_path / "lora.log").write_text(PRINTED)
    found = one(folder, tmp_path / "lora.log")
    assert found.verdict.reason == "to the digits that are written"
    assert set(found.verdict.metrics) == {"tokens", "loss", "lr"}
    assert found.left_out[4:] == (
        "batch",
        "clipped",
        "clipped_norm",
        "counter",
        "grad_norm",
        "gradient",
        "params",
        "params_kept",
        "val_loss",
    )


def test_of_two_files_of_one_form_a_metric_on_one_side_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step,loss,lr\n1,2.0,0.1\n")
    (tmp_path / "b.csv").write_text("step,loss\n1,2.0\n")
    assert one(tmp_path / "a.csv", tmp_path / "b.csv").verdict.reason == "missing metric: lr at step 1"


def test_the_form_of_a_file_is_seen_from_its_content_or_its_name(tmp_path: Path) -> None:
    (tmp_path / "lora.log").write_text(PRINTED)
    (tmp_path / "a.csv").write_text("step,loss\n1,2.0\n")
    (tmp_path / "checkpoint-1").mkdir()
    state(tmp_path / "checkpoint-1" / "trainer_state.json", 2.0)
    traced(tmp_path / "t" / "trace.jsonl")
    forms = {
        name: read_recorded(str(tmp_path / name))[None].form for name in ("lora.log", "a.csv", "checkpoint-1", "t")
    }
    assert list(forms.values()) == [Form.PRINTED, Form.TABLE, Form.TRAINER_STATE, Form.TRACE]
