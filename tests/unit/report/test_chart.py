from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from parity.judge.curves import Curve
from parity.judge.result import CellResult
from parity.probe.values import VerdictKind
from parity.report.chart import charts
from tests.unit.made import cell

Line = Sequence[float | None]


def drawn(reference: Line, candidate: Line, metric: str = "loss") -> tuple[str, ...]:
    steps = tuple(range(1, len(reference) + 1))
    curve = Curve(steps=steps, reference=tuple(reference), candidate=tuple(candidate))
    return charts(replace(cell(1, VerdictKind.DIVERGED), curves={metric: curve}))


def test_both_arms_and_the_gap_on_a_logarithmic_scale() -> None:
    arms, gap = drawn([2.0, 1.0, 0.5], [2.0, 1.1, 0.501])
    assert arms.splitlines() == [
        "```mermaid",
        "%%{init: {'themeVariables': {'xyChart': {'plotColorPalette': '#2563eb, #ea580c'}}}}%%",
        "xychart-beta",
        '    title "loss: reference blue, candidate orange"',
        '    x-axis "step" [1, 2, 3]',
        '    y-axis "loss" 0.425 --> 2.075',
        "    line [2, 1, 0.5]",
        "    line [2, 1.1, 0.501]",
        "```",
    ]
    assert gap.splitlines()[3:-1] == [
        '    title "log10 of the gap in loss, 0 drawn at -4"',
        '    x-axis "step" [1, 2, 3]',
        '    y-axis "log10" -4.15 --> -0.85',
        "    line [-4, -1, -3]",
    ]


def test_curves_that_are_equal_are_not_drawn() -> None:
    assert drawn([2.0, 1.0], [2.0, 1.0]) == ()
    assert charts(CellResult(seed=1, steps=0, verdict=None, failure="it died")) == ()


def test_where_the_loss_is_equal_the_gradient_norm_is_drawn() -> None:
    arms, _ = drawn([2.0], [3.0], metric="grad_norm")
    assert 'title "grad norm: reference blue, candidate orange"' in arms


def test_what_has_no_number_is_said_to_be_left_out() -> None:
    arms, gap = drawn([2.0, 1.0, 1.0, None], [2.5, math.nan, math.inf, 1.0])
    assert "(3 without a number left out)" in arms
    assert "(3 without a number left out)" in gap
    assert 'x-axis "step" [1]' in arms
    assert drawn([math.nan], [1.0]) == ()


def test_a_number_has_no_exponent() -> None:
    arms, _ = drawn([1e-9, 2e-9], [1e-9, 3e-9])
    assert "line [0.000000001, 0.000000002]" in arms


def test_30_000_steps_are_few_points() -> None:
    arms, gap = drawn([1.0] * 30_000, [1.0] * 29_999 + [2.0])
    assert arms.count(",") < 100
    assert "30000]" in gap
