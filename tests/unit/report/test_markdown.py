from __future__ import annotations

from dataclasses import replace

from parity.probe.values import Expectation, Stage, VerdictKind
from parity.report.markdown import escaped, render_markdown
from parity.result import RunResult
from parity.verdict import FirstDivergence
from tests.unit.made import HEADER, cell, probe_result

AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=9, detail=""
)


def test_the_first_line_is_the_verdict_and_each_seed_has_a_row() -> None:
    result = RunResult(probes=(probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT)),))
    lines = render_markdown(result, {}).splitlines()
    assert lines[0] == (
        "❌ **Not as expected: 1 of 1 probe. current/self is diverged, because \\(seed 42\\), "
        "where identical was expected.**"
    )
    rows = [line for line in lines if line.startswith("| current/self")]
    assert rows == [
        "| current/self | 1 | ✓ identical | 3 | – | – | – | – | – | 0 |",
        "| current/self | 42 | ✗ diverged | 3 | step 1 · clip · clipped\\_norm | 2.5 | 2.25 | −0.25 | 9 "
        "| 0.25 from step 1 |",
    ]
    assert "Expected identical: **not met**." in lines


def test_a_declared_divergence_is_a_pass_that_says_so() -> None:
    expect = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, step=1, because="None means 1.0")
    result = RunResult(probes=(probe_result(*[cell(s, VerdictKind.DIVERGED, AT) for s in (1, 42)], expect=expect),))
    text = render_markdown(result, {"current/self": HEADER.provenance})
    assert text.startswith("✅ **As expected: 1 probe, 1 diverged, as declared.**")
    assert "Expected diverged at step 1, stage clip: met." in text
    assert "Declared because None means 1.0" in text
    assert "- seed 1: step 1 · clip · clipped\\_norm: 2.5 → 2.25, Δ −0.25, 9 ULPs" in text
    assert "| loss | 1 | 0 of 3 | 0.25 | 0 |" in text
    assert "mlx 0.32.4" in text
    assert "deterministic: the noise floor is zero" in text


def test_a_probe_that_was_never_run_has_a_row() -> None:
    text = render_markdown(RunResult(probes=(probe_result(),), interrupted=True), {})
    assert "| current/self | 1 | ✗ not run |" in text
    assert "| current/self | 42 | ✗ not run |" in text


def test_text_from_outside_does_no_harm() -> None:
    hostile = replace(AT, metric="<img src=x>|@team [x](http://x) `a`", reference="a|b\n# c")
    result = RunResult(probes=(probe_result(cell(1), cell(42, VerdictKind.DIVERGED, hostile)),))
    text = render_markdown(result, {})
    assert "<img" not in text
    assert "@team" not in text
    assert "](http" not in text
    assert "\n# c" not in text
    assert escaped("a\n| b") == "a \\| b"
