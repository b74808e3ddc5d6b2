from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.errors import ExitStatus
from parity.probe.values import Expectation, Stage, VerdictKind
from parity.result import CellResult, RunResult, sentence, wanted
from parity.verdict import FirstDivergence
from tests.unit.made import cell, probe_result

if TYPE_CHECKING:
    from parity.result import ProbeResult

AT = FirstDivergence(
    step=1,
    stage=Stage.CLIP,
    metric="clipped_norm",
    reference=2.0,
    candidate=1.0,
    delta=-1.0,
    ulp=9,
    detail="",
)
DIVERGED = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, step=1)
FAILED = CellResult(seed=42, steps=0, verdict=None, failure="candidate: unsloth_zoo is not installed")


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        ([probe_result(cell(1), cell(42))], ExitStatus.EXPECTED),
        ([probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT))], ExitStatus.UNEXPECTED),
        ([probe_result(cell(1), cell(42, VerdictKind.INVALID))], ExitStatus.UNDECIDED),
        ([probe_result(cell(1), cell(42, VerdictKind.INCONCLUSIVE))], ExitStatus.UNDECIDED),
        ([probe_result(cell(1), FAILED)], ExitStatus.NOT_RUN),
        ([probe_result(cell(1))], ExitStatus.UNDECIDED),
        ([], ExitStatus.UNDECIDED),
        (
            [probe_result(cell(1), FAILED), probe_result(cell(1), cell(42, VerdictKind.DIVERGED))],
            ExitStatus.UNEXPECTED,
        ),
        ([probe_result(cell(1), cell(42)), probe_result(cell(1), FAILED)], ExitStatus.NOT_RUN),
    ],
)
def test_the_exit_status_follows_from_what_was_found(probes: list[ProbeResult], status: ExitStatus) -> None:
    result = RunResult(probes=tuple(probes))
    assert result.status is status
    assert result.expected is (status is ExitStatus.EXPECTED)


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


def test_an_interrupted_run_is_no_pass() -> None:
    result = RunResult(probes=(probe_result(cell(1), cell(42)),), interrupted=True)
    assert (result.status, result.expected) == (ExitStatus.INTERRUPTED, False)


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


def test_the_sentence_tells_the_truth() -> None:
    met = probe_result(cell(1), cell(42))
    declared = probe_result(*[cell(seed, VerdictKind.DIVERGED, AT) for seed in (1, 42)], expect=DIVERGED)
    odd = probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT))
    assert sentence(RunResult(probes=(met, declared))) == (
        "As expected: 2 probes, 1 identical and 1 diverged, as declared."
    )
    assert sentence(RunResult(probes=(met, odd))) == (
        "Not as expected: 1 of 2 probes. current/self is diverged, because (seed 42), where identical was expected."
    )
    assert sentence(RunResult(probes=(met,), interrupted=True)) == ("Interrupted: 1 of 1 probe finished as expected.")


def test_an_expectation_in_words() -> None:
    assert wanted(DIVERGED) == "diverged at step 1, stage clip"
    assert wanted(Expectation(verdict=VerdictKind.IDENTICAL)) == "identical"
