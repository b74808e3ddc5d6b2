from __future__ import annotations

from dataclasses import replace

import pytest

from parity.errors import ExitStatus
from parity.judge.blind_spots import BlindSpot
from parity.judge.effective import Warned
from parity.judge.result import CellResult, wanted
from parity.metrics import Stage
from parity.probe.values import ArmName, Expectation, VerdictKind
from parity.trace.values import Ignored
from tests.unit.made import cell, divergence, probe_result

AT = divergence()
DIVERGED = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, step=1)
FAILED = CellResult(seed=42, steps=0, verdict=None, failure="candidate: unsloth_zoo is not installed")


def test_a_finding_outranks_an_arm_that_did_not_run_in_one_probe_too() -> None:
    for other in (FAILED, cell(42, VerdictKind.INVALID)):
        found = probe_result(cell(1, VerdictKind.DIVERGED, AT), other)
        assert found.status is ExitStatus.UNEXPECTED


def test_a_declared_divergence_excuses_no_other() -> None:
    apart = cell(1, VerdictKind.DIVERGED, AT)
    assert apart.verdict is not None
    assert not apart.meets(replace(DIVERGED, equal=("loss",)))
    assert not apart.meets(replace(DIVERGED, equal=("batch",)))  # it was not compared
    same = replace(apart.verdict.metrics["loss"], first_step=None)
    equal = replace(apart, verdict=replace(apart.verdict, metrics={"loss": same}))
    assert equal.meets(replace(DIVERGED, equal=("loss",)))


def test_a_cell_that_did_not_run_meets_nothing() -> None:
    assert not FAILED.meets(Expectation(verdict=VerdictKind.INVALID))


@pytest.mark.parametrize(
    ("found", "met"),
    [
        (cell(1, VerdictKind.DIVERGED, AT), True),
        (cell(1), False),
        (cell(1, VerdictKind.INVALID, AT), False),
        (cell(1, VerdictKind.DIVERGED), False),
    ],
)
def test_a_declared_divergence_is_met_by_that_divergence_alone(found: CellResult, *, met: bool) -> None:
    assert found.meets(DIVERGED) is met


@pytest.mark.parametrize(
    "other",
    [
        Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.UPDATE, step=1),
        Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, step=2),
    ],
)
def test_a_divergence_elsewhere_is_not_the_declared_one(other: Expectation) -> None:
    assert not cell(1, VerdictKind.DIVERGED, AT).meets(other)


def test_one_seed_that_differs_decides_for_the_probe() -> None:
    found = probe_result(cell(1, VerdictKind.DIVERGED, AT), cell(42), expect=DIVERGED)
    assert found.kind is VerdictKind.DIVERGED
    assert not found.expected


def test_an_expectation_in_words() -> None:
    assert wanted(DIVERGED) == "diverged at step 1, stage clip"
    assert wanted(Expectation(verdict=VerdictKind.IDENTICAL)) == "identical"


@pytest.mark.parametrize("kind", [VerdictKind.WITHIN, VerdictKind.DIVERGED])
def test_within_is_met_where_it_was_declared_to_start(kind: VerdictKind) -> None:
    declared = Expectation(verdict=VerdictKind.WITHIN, stage=Stage.CLIP, step=1)
    assert cell(1, kind, AT).meets(declared) is (kind is VerdictKind.WITHIN)
    assert not cell(1, VerdictKind.WITHIN, replace(AT, step=2)).meets(declared)
    assert not cell(1, VerdictKind.WITHIN, replace(AT, stage=Stage.UPDATE)).meets(declared)


def test_what_a_probe_cannot_show_is_what_no_seed_could_in_the_order_of_the_flow() -> None:
    update, clip, batch = (
        BlindSpot(stage=stage, what="it", because="so") for stage in (Stage.UPDATE, Stage.CLIP, Stage.BATCH)
    )
    found = replace(
        probe_result(replace(cell(1), blind=(clip,)), replace(cell(42), blind=(clip,))), blind=(batch, update)
    )
    assert found.blind_spots == (batch, clip, update)
    assert replace(found, cells=(found.cells[0], cell(42))).blind_spots == (batch, update)
    assert replace(found, cells=()).blind_spots == (batch, update)


@pytest.mark.parametrize("effective", [None, [0.9, 0.95], {"a": [1]}])
def test_a_warning_of_every_seed_is_told_once(effective: object) -> None:
    first, other = (
        Warned(arm=arm, ignored=Ignored(name="MLXTrainingConfig.betas", asked=1, effective=effective, why="why"))
        for arm in (ArmName.REFERENCE, ArmName.CANDIDATE)
    )
    cells = [replace(cell(seed), warnings=warned) for seed, warned in ((1, (first,)), (42, (first, other)))]
    assert probe_result(*cells).warnings == (first, other)
