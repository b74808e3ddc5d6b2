from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.judge.generators import parted
from parity.probe.values import Expectation, VerdictKind
from tests.unit.made import cell, step, trace

if TYPE_CHECKING:
    from parity.trace.values import Trace


def drawn(*states: str) -> Trace:
    """A trace with this state of numpy's generator after each step."""
    return trace(*[step(number, random={"numpy": state}) for number, state in enumerate(states, start=1)])


@pytest.mark.parametrize(
    ("candidate", "references", "first"),
    [
        (drawn("a", "b", "c"), [drawn("a", "b", "c")], {}),
        (drawn("a", "x", "y"), [drawn("a", "b", "c")], {"numpy": 2}),
        (drawn("x", "y", "z"), [drawn("a", "b", "c"), drawn("x", "y", "z")], {}),
        (drawn("x", "y", "z"), [drawn("a", "b", "c"), drawn("x", "y", "c")], {"numpy": 3}),
        (trace(step(1)), [drawn("a")], {"numpy": 1}),
    ],
)
def test_a_state_differs_where_it_is_that_of_no_reference(
    candidate: Trace, references: list[Trace], first: dict[str, int]
) -> None:
    assert parted(candidate, references) == first


def test_a_probe_that_declares_them_equal_is_not_met_where_they_differ() -> None:
    declared = Expectation(verdict=VerdictKind.IDENTICAL, equal=("random",))
    assert cell(1).meets(declared)
    assert not replace(cell(1), random={"numpy": 2}).meets(declared)
    assert replace(cell(1), random={"numpy": 2}).meets(Expectation(verdict=VerdictKind.IDENTICAL))
