from __future__ import annotations

from dataclasses import replace

import pytest

from parity.errors import ExitStatus
from parity.gate.result import RunResult
from parity.gate.sentence import sentence
from parity.judge.outcomes import Shift
from parity.judge.result import CellResult, ProbeResult, in_short, wanted
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import Expectation, VerdictKind
from tests.unit.made import PROBE, cell, probe_result

IDENTICAL, DIVERGED = VerdictKind.IDENTICAL, VerdictKind.DIVERGED
INCONCLUSIVE, INVALID = VerdictKind.INCONCLUSIVE, VerdictKind.INVALID
AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.0, candidate=1.0, delta=-1.0, ulp=9, detail=""
)
FAILED = CellResult(seed=42, steps=0, verdict=None, failure="candidate: unsloth_zoo is not installed")


def measured(
    *cells: CellResult, found: dict[str, VerdictKind], declared: dict[str, VerdictKind], **expect: VerdictKind
) -> ProbeResult:
    """A probe that declares outcomes, and what was found of them."""
    expectation = Expectation(verdict=expect.get("verdict", IDENTICAL), outcomes=declared)
    outcomes = {name: Shift(kind=kind, reason="because") for name, kind in found.items()}
    return ProbeResult(probe=replace(PROBE, expect=expectation), cells=cells or (cell(1), cell(42)), outcomes=outcomes)


@pytest.mark.parametrize(
    ("declared", "found", "status"),
    [
        (IDENTICAL, IDENTICAL, ExitStatus.EXPECTED),
        (IDENTICAL, DIVERGED, ExitStatus.UNEXPECTED),
        (IDENTICAL, INCONCLUSIVE, ExitStatus.UNDECIDED),
        (IDENTICAL, INVALID, ExitStatus.UNDECIDED),
        (DIVERGED, DIVERGED, ExitStatus.EXPECTED),
        (DIVERGED, IDENTICAL, ExitStatus.UNEXPECTED),
        (DIVERGED, INCONCLUSIVE, ExitStatus.UNDECIDED),
        (INCONCLUSIVE, INCONCLUSIVE, ExitStatus.EXPECTED),
        (INCONCLUSIVE, DIVERGED, ExitStatus.UNEXPECTED),
        (INCONCLUSIVE, IDENTICAL, ExitStatus.UNEXPECTED),
        (INCONCLUSIVE, INVALID, ExitStatus.UNDECIDED),
    ],
)
def test_an_outcome_is_met_by_the_declared_verdict_alone(
    declared: VerdictKind, found: VerdictKind, status: ExitStatus
) -> None:
    result = measured(declared={"contains": declared}, found={"contains": found})
    assert (result.status, result.kind) == (status, IDENTICAL)
    assert result.expected is (status is ExitStatus.EXPECTED)
    assert result.unmet_outcomes == (() if result.expected else ("contains",))


def test_an_outcome_that_was_never_measured_is_not_met() -> None:
    result = measured(declared={"contains": INCONCLUSIVE}, found={"post_train_loss": IDENTICAL})
    assert (result.unmet_outcomes, result.expected, result.status) == (("contains",), False, ExitStatus.UNDECIDED)


def test_an_outcome_that_nobody_declared_decides_nothing() -> None:
    result = measured(declared={}, found={"contains": DIVERGED, "post_train_loss": INVALID})
    assert (result.unmet_outcomes, result.expected, result.status) == ((), True, ExitStatus.EXPECTED)


@pytest.mark.parametrize(
    ("odd", "found", "status"),
    [
        (FAILED, INCONCLUSIVE, ExitStatus.NOT_RUN),
        (FAILED, DIVERGED, ExitStatus.UNEXPECTED),
        (cell(42, INVALID), DIVERGED, ExitStatus.UNEXPECTED),
        (cell(42, INVALID), INCONCLUSIVE, ExitStatus.UNDECIDED),
        (cell(42, DIVERGED, AT), INCONCLUSIVE, ExitStatus.UNEXPECTED),
    ],
)
def test_the_status_of_cells_and_outcomes_is_the_gravest(
    odd: CellResult, found: VerdictKind, status: ExitStatus
) -> None:
    result = measured(cell(1), odd, declared={"contains": IDENTICAL}, found={"contains": found})
    assert (result.status, result.expected) == (status, False)
    assert RunResult(probes=(probe_result(cell(1), cell(42)), result)).status is status


def test_met_outcomes_excuse_no_cell() -> None:
    met = {"contains": IDENTICAL}
    assert measured(cell(1), cell(42, DIVERGED, AT), declared=met, found=met).status is ExitStatus.UNEXPECTED
    assert measured(cell(1), declared=met, found=met).status is ExitStatus.UNDECIDED


@pytest.mark.parametrize(
    ("cells", "found", "said"),
    [
        (
            (cell(1), cell(42)),
            {"contains": DIVERGED},
            "is identical, contains is diverged, completion_loss was not measured",
        ),
        (
            (cell(1), cell(42)),
            {"contains": INCONCLUSIVE, "completion_loss": IDENTICAL},
            "is identical, contains is inconclusive",
        ),
        (
            (cell(1), cell(42, DIVERGED, AT)),
            {"contains": DIVERGED, "completion_loss": IDENTICAL},
            "diverged, because (seed 42), contains is diverged",
        ),
        (
            (cell(1),),
            {"contains": IDENTICAL, "completion_loss": INVALID},
            "is invalid, not every seed was run, completion_loss is invalid",
        ),
    ],
    ids=["two outcomes", "one outcome", "a seed and an outcome", "a missing seed and an outcome"],
)
def test_the_sentence_names_every_outcome_that_is_not_met(
    cells: tuple[CellResult, ...], found: dict[str, VerdictKind], said: str
) -> None:
    declared = {"contains": IDENTICAL, "completion_loss": IDENTICAL}
    result = RunResult(probes=(measured(*cells, declared=declared, found=found),))
    assert sentence(result) == (
        f"Not as expected, 1 of 1 probe: current/self {said}, "
        "expected identical, contains identical, completion_loss identical."
    )


def test_an_expectation_of_outcomes_in_words() -> None:
    expect = Expectation(
        verdict=DIVERGED, stage=Stage.CLIP, step=1, equal=("batch", "tokens"), outcomes={"contains": INCONCLUSIVE}
    )
    assert in_short(expect) == "diverged at step 1, stage clip, contains inconclusive"
    assert wanted(expect) == "diverged at step 1, stage clip, contains inconclusive, batch, tokens equal throughout"
