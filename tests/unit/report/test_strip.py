from __future__ import annotations

from dataclasses import replace

from parity.judge.result import CellResult
from parity.judge.verdict import FirstDivergence, MetricSummary
from parity.metrics import METRICS, Stage
from parity.probe.values import VerdictKind
from parity.report.strip import State, strip, strips
from tests.unit.made import verdict


def summary(first: int | None) -> MetricSummary:
    return MetricSummary(max_abs=None, max_ulp=None, first_step=first, unequal=0 if first is None else 1, compared=3)


def at(step: int, stage: Stage | None, metric: str) -> FirstDivergence:
    return FirstDivergence(
        step=step, stage=stage, metric=metric, reference="a", candidate="b", delta=None, ulp=None, detail=""
    )


def cell(kind: VerdictKind, where: FirstDivergence | None, seed: int = 1, **first_steps: int | None) -> CellResult:
    metrics = {name: summary(first_steps.get(name)) for name in METRICS}
    return CellResult(seed=seed, steps=3, verdict=replace(verdict(kind, where), metrics=metrics))


def states(of: CellResult) -> list[str]:
    return [str(link.state) for link in strip(of)]


def test_what_comes_after_the_first_divergence_may_only_follow_and_what_is_equal_says_so() -> None:
    parted = cell(VerdictKind.DIVERGED, at(1, Stage.CLIP, "clipped"), clipped=1, params=1, loss=2, gradient=2)
    assert states(parted) == [
        *["equal"] * 4, "follows", "follows", "first", "equal", "follows", "equal",
    ]  # fmt: skip
    (only,) = strips([parted])
    assert [said for _, _, said in only.links][4:7] == [
        "differs from step 2; may be a consequence",
        "differs from step 2; may be a consequence",
        "diverges first: step 1",
    ]


def test_identical_arms_have_ten_equal_stages() -> None:
    assert states(cell(VerdictKind.IDENTICAL, None)) == ["equal"] * 10


def test_a_stage_of_which_nothing_was_compared_is_not_called_equal() -> None:
    of = CellResult(seed=1, steps=3, verdict=verdict(VerdictKind.IDENTICAL))  # its only metric is the loss
    assert states(of) == [*["unknown"] * 4, "equal", *["unknown"] * 5]


def test_what_differs_before_it_by_no_more_than_is_allowed_is_neither_first_nor_equal() -> None:
    parted = cell(VerdictKind.DIVERGED, at(3, Stage.LOSS, "loss"), loss=1, gradient=1, batch=None, params=3)
    assert states(parted)[4:] == ["first", "allowed", "equal", "equal", "follows", "equal"]


def test_a_first_difference_that_decides_nothing_is_said_to_be_allowed_or_undecided() -> None:
    where = at(0, Stage.LOAD, "base")
    words = [
        strips([cell(kind, where, base=0)])[0].links[0][2] for kind in (VerdictKind.WITHIN, VerdictKind.INCONCLUSIVE)
    ]
    assert words == ["differs first, within what is allowed: step 0", "differs first, undecided: step 0"]


def test_a_misreport_marks_its_stage_although_no_metric_of_it_differs() -> None:
    of = cell(VerdictKind.DIVERGED, at(2, Stage.LOSS, "reported_loss"))
    assert strip(of)[4].state is State.FIRST


def test_seeds_that_differ_in_the_step_alone_share_a_strip_and_others_do_not() -> None:
    cells = [
        cell(VerdictKind.DIVERGED, at(step, Stage.LOSS, "loss"), seed=seed, loss=step)
        for seed, step in ((1, 1), (2, 3))
    ]
    found = strips([*cells, cell(VerdictKind.IDENTICAL, None, seed=3)])
    assert [[each.seed for each in strip.cells] for strip in found] == [[1, 2], [3]]
    assert found[0].links[4][2] == "diverges first: step 1–3"


def test_nothing_can_be_said_of_the_stages_of_an_invalid_cell() -> None:
    assert strip(cell(VerdictKind.INVALID, at(1, Stage.LOSS, "loss"), loss=1)) == ()
    assert strips([CellResult(seed=1, steps=0, verdict=None, failure="no")]) == []
