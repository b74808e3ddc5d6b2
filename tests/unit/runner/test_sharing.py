"""Which cells train the same reference is told from what they ask; lending copies it once it is whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parity.probe.values import Arm, ArmName, Expectation, Outcomes, Probe, VerdictKind, Workload
from parity.runner.progress import Cell
from parity.runner.sharing import Ready, by_reference, lend
from parity.trace.cell import read_cell, trace_path
from parity.trace.file import read_trace
from tests.unit.made import DONE, HEADER, PROBE, step
from tests.unit.stored import write_trace

OTHER = replace(
    PROBE,
    name="current/other",
    question="Is it another?",
    workload=replace(PROBE.workload, seeds=(42,)),
    candidate=Arm(provider="unsloth-zoo", workload=replace(PROBE.workload, accumulation=3)),
    expect=Expectation(verdict=VerdictKind.DIVERGED),
    tolerance={"loss": 0.1},
    minutes=5,
)
WORKLOAD = replace(PROBE.workload, steps=7)


def ready(probe: Probe, seed: int = 42, python: str = "/python") -> Ready:
    return Ready(cell=Cell(probe=probe, seed=seed, folder=Path(probe.name, str(seed))), python=Path(python))


def test_references_are_the_same_whatever_they_are_compared_with() -> None:
    cells = [ready(PROBE, 1), ready(PROBE), ready(OTHER)]
    assert by_reference(cells) == [[cells[1], cells[2]], [cells[0]]]


def test_a_workload_of_the_reference_alone_counts_as_the_probes() -> None:
    inside = replace(PROBE, name="inside", workload=WORKLOAD)
    outside = replace(PROBE, name="outside", reference=replace(PROBE.reference, workload=WORKLOAD))
    cells = [ready(inside), ready(outside)]
    assert by_reference(cells) == [cells]


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": Arm(provider="mlx-lm-train")},
        {"reference": Arm(provider="mlx-lm", settings={"clip_grad_norm": 1.0})},
        {"reference": Arm(provider="mlx-lm", workload=replace(PROBE.workload, compile=False))},
        {"workload": WORKLOAD},
        {"workload": Workload(model="/model", data="/other", seeds=(1, 42))},
        {"environment": {"mlx": "0.31.0"}},
        {"outcomes": Outcomes(prompt="Hello")},
    ],
)
def test_another_experiment_is_not_shared(changed: dict[str, Any]) -> None:
    cells = [ready(PROBE), ready(replace(OTHER, **changed))]
    assert by_reference(cells) == [[cells[0]], [cells[1]]]


def test_neither_is_what_another_python_runs() -> None:
    cells = [ready(PROBE), ready(OTHER, python="/of/another/environment")]
    assert by_reference(cells) == [[cells[0]], [cells[1]]]


def test_the_largest_group_comes_first_and_cells_stay_in_their_order() -> None:
    alone = replace(PROBE, name="alone", workload=WORKLOAD)
    cells = [ready(alone), ready(PROBE), ready(OTHER)]
    assert by_reference(cells) == [cells[1:], cells[:1]]


def test_a_reference_is_lent_once_it_is_whole_and_says_who_trained_it(tmp_path: Path) -> None:
    probe, other = (replace(each, workload=replace(each.workload, steps=1)) for each in (PROBE, OTHER))
    lender, borrower = (Cell(probe=each, seed=42, folder=tmp_path / each.name) for each in (probe, other))
    recorded = trace_path(lender.folder, ArmName.REFERENCE)
    header = replace(HEADER, steps=1)
    write_trace(recorded, header, step(1), ending=None)
    assert not lend(lender, [borrower])
    assert not borrower.folder.exists()
    recorded.unlink()
    write_trace(recorded, header, step(1))
    assert lend(lender, [borrower])
    (copy,) = borrower.folder.iterdir()
    assert copy.read_text().split("\n", 1)[1] == recorded.read_text().split("\n", 1)[1]
    assert read_cell(other, 42, borrower.folder).arms[ArmName.REFERENCE].failure == ""
    assert (read_trace(copy).header, read_trace(copy).ending) == (
        replace(header, probe="current/other", lent_by="current/self"),
        DONE,
    )
    third = replace(borrower, probe=replace(other, name="third"), folder=tmp_path / "third")
    assert not lend(borrower, [third])  # it has not trained it itself
    assert not third.folder.exists()
