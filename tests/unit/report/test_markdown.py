from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.gate.result import RunResult
from parity.judge.blind_spots import BlindSpot
from parity.judge.effective import Difference, Warned
from parity.judge.outcomes import Rates, Shift, judge_rates, judge_shift
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import ArmName, Expectation, VerdictKind
from parity.report.markdown import render_markdown
from parity.trace.values import Ignored
from tests.unit.made import HEADER, cell, probe_result

if TYPE_CHECKING:
    from parity.judge.result import ProbeResult

AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=9, detail=""
)


def test_the_first_line_is_the_verdict_then_what_is_not_as_expected_then_the_rest() -> None:
    odd = probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT), file="probes/current/self.toml")
    fine = probe_result(cell(1), cell(42), name="current/fine", question="Is it fine?")
    lines = render_markdown(RunResult(probes=(fine, odd))).splitlines()
    assert lines[:24] == [
        "❌ **Not as expected, 1 of 2 probes: current/self diverged, because \\(seed 42\\), expected identical.**",
        "",
        "### ✗ current/self",
        "",
        "Is it the same?",
        "",
        "- expected: identical",
        "- found: diverged at step 1, stage clip, metric clipped\\_norm",
        "- reference: 2.5",
        "- candidate: 2.25",
        "- difference: −0.25, 9 ULPs",
        "- reason: because",
        "- at: seed 42 \\(1 of 2\\)",
        "- within at: tolerance loss 0.25",
        "",
        "Find the cause: `parity explain probes/current/self.toml --seeds 42 --steps 30`",
        "",
        "| seed | verdict | steps | first divergence | reference | candidate | Δ | ULPs | max \\|Δ loss\\| |",
        "| ---: | --- | ---: | --- | ---: | ---: | ---: | ---: | --- |",
        "| 1 | ✓ identical | 3 | – | – | – | – | – | 0 |",
        "| 42 | ✗ diverged | 3 | step 1 · clip · clipped\\_norm | 2.5 | 2.25 | −0.25 | 9 | 0.25, from step 1 |",
        "",
        "",
        "<details><summary>every metric, seed 1</summary>",
    ]
    at = lines.index("| probe | question | seeds | verdict | diverges at |")
    assert lines[at + 2] == "| ✓ current/fine | Is it fine? | 1, 42 | identical |  |"
    assert lines.index("### current/fine") > at


def test_a_declared_divergence_is_a_pass_that_says_so() -> None:
    expect = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, step=1, because="None means 1.0")
    cells = [replace(cell(s, VerdictKind.DIVERGED, AT), provenance=HEADER.provenance) for s in (1, 42)]
    text = render_markdown(RunResult(probes=(probe_result(*cells, expect=expect),)))
    assert text.startswith("✅ **1 probe, as expected: diverged as declared.**")
    assert "| ✓ current/self | Is it the same? | 1, 42 | diverged | step 1 · clip |" in text
    assert "Expected diverged at step 1, stage clip: met." in text
    assert "Declared because None means 1.0" in text
    assert "| 1 | ✓ diverged as declared | 3 | step 1 · clip · clipped\\_norm | 2.5 | 2.25 | −0.25 | 9 |" in text
    assert "| loss | 1 | 0 of 3 | 0.25 | 0 |" in text
    assert "mlx 0.32.4" in text
    assert "deterministic: the noise floor is zero" in text


def test_a_probe_that_was_never_run_has_its_seeds() -> None:
    text = render_markdown(RunResult(probes=(probe_result(),), interrupted=True))
    assert "- not run: 1, 42" in text
    assert "| 1 | ✗ not run |" in text
    assert "| 42 | ✗ not run |" in text


def test_a_command_with_odd_characters_is_no_code() -> None:
    odd = probe_result(cell(1, VerdictKind.DIVERGED, AT), cell(42), file="probes/a`b;c.toml")
    text = render_markdown(RunResult(probes=(odd,)))
    assert "Find the cause: parity explain 'probes/a\\`b;c.toml' --seeds 1 --steps 30" in text


def test_text_from_outside_does_no_harm() -> None:
    hostile = replace(AT, metric="<img src=x>|@team [x](http://x) `a`", reference="a|b\n# c")
    result = RunResult(probes=(probe_result(cell(1), cell(42, VerdictKind.DIVERGED, hostile)),))
    text = render_markdown(result)
    assert "<img" not in text
    assert "@team" not in text
    assert "](http" not in text
    assert "\n# c" not in text
    assert "http://x" not in text


HOSTILE = "<img src=x>|@team [x](http://x)\n# c"
SAME = {1: 0.5, 42: 0.5}
OUTCOMES: dict[str, Rates | Shift] = {
    "post_train_loss": judge_shift(SAME, SAME),
    "contains": judge_rates({1: True, 42: False}, {1: False, 42: True}),
}


def whole(expect: Expectation, said: str = "value 1.0") -> ProbeResult:
    """A probe with outcomes, a warning, two differences and a blind spot; what comes from outside is `said`."""
    ignored = Ignored(name="get_peft_model.layers", asked=16, effective=None, why=said)
    differences = (
        Difference(name="clip", reference="none", candidate=said, declared=True),
        Difference(name="batch_shapes", reference=[[6, 33], [6, 2]], candidate=[[6, 33]] * 3, declared=False),
    )
    warned = Warned(arm=ArmName.CANDIDATE, ignored=ignored)
    cells = [replace(cell(seed), differences=differences, warnings=(warned,)) for seed in (1, 42)]
    spot = BlindSpot(stage=Stage.CLIP, what="clipping", because=said)
    return replace(probe_result(*cells, expect=expect), blind=(spot,), outcomes=OUTCOMES)


def test_beside_the_table_stand_outcomes_warnings_limits_and_differences() -> None:
    expect = Expectation(verdict=VerdictKind.IDENTICAL, outcomes={"contains": VerdictKind.INCONCLUSIVE})
    lines = render_markdown(RunResult(probes=(whole(expect),))).splitlines()
    assert lines[lines.index("### current/self") : lines.index("<details><summary>every metric, seed 1</summary>")] == [
        "### current/self",
        "",
        "Is it the same?",
        "",
        "Expected identical, contains inconclusive: met.",
        "",
        "| seed | verdict | steps | first divergence | reference | candidate | Δ | ULPs | max \\|Δ loss\\| |",
        "| ---: | --- | ---: | --- | ---: | ---: | ---: | ---: | --- |",
        "| 1 | ✓ identical | 3 | – | – | – | – | – | 0 |",
        "| 42 | ✓ identical | 3 | – | – | – | – | – | 0 |",
        "",
        "- post\\_train\\_loss **identical**: equal bit for bit at 2 of 2 seeds",
        "- ✓ contains **inconclusive**: 1 of 2 against 1 of 2 seeds; exact McNemar p = 1, Fisher p = 1: "
        "no gap is seen \\(2 seeds cannot show any gap\\)",
        "  - yes in the reference only: seeds 1",
        "  - yes in the candidate only: seeds 42",
        "- ⚠ ignored: get\\_peft\\_model.layers: the candidate asks for 16; it has no effect \\(value 1.0\\)",
        "",
        "<details><summary>settings that differ, seed 1</summary>",
        "",
        "| setting | reference | candidate | |",
        "| --- | --- | --- | --- |",
        "| clip | none | value 1.0 | declared |",
        "| batch\\_shapes | \\[6, 33\\], \\[6, 2\\] | \\[6, 33\\] × 3 | **undeclared** |",
        "",
        "</details>",
        "",
        "<details><summary>what this workload cannot show</summary>",
        "",
        "clipping \\(clip: value 1.0\\).",
        "",
        "</details>",
        "",
    ]
    assert "- current/self cannot show: clipping \\(clip: value 1.0\\)" in lines


def test_an_outcome_that_is_not_met_is_in_the_first_line_and_beside_the_expectation() -> None:
    declared = {"contains": VerdictKind.IDENTICAL, "completion_loss": VerdictKind.DIVERGED}
    text = render_markdown(RunResult(probes=(whole(Expectation(verdict=VerdictKind.IDENTICAL, outcomes=declared)),)))
    assert text.splitlines()[0] == (
        "❌ **Not as expected, 1 of 1 probe: current/self is identical, contains is inconclusive, completion\\_loss "
        "was not measured, expected identical, contains identical, completion\\_loss diverged.**"
    )
    assert "\n- expected: identical, contains identical, completion\\_loss diverged\n" in text


def test_what_a_library_says_does_no_harm_in_warnings_limits_and_differences() -> None:
    text = render_markdown(RunResult(probes=(whole(Expectation(verdict=VerdictKind.IDENTICAL), HOSTILE),)))
    assert text.count("\\[x\\]\\(http:\u200b//x\\) \\# c") == 5
    for harm in ("<img", "@team", "](http", "\n# c"):
        assert harm not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| clip |")]
    assert row.replace("\\|", "").count("|") == 5


def test_a_probe_without_any_of_it_says_nothing_of_it() -> None:
    text = render_markdown(RunResult(probes=(probe_result(cell(1), cell(42)),)))
    for part in ("⚠", "cannot show", "settings that"):
        assert part not in text


def test_after_what_is_folded_a_line_is_empty_or_the_fold_around_it_ends() -> None:
    """GitHub takes everything up to the next empty line for HTML, a heading too."""
    probes = [replace(whole(Expectation(verdict=VerdictKind.IDENTICAL))) for _ in range(2)]
    probes = [
        replace(each, probe=replace(each.probe, name=f"a/{name}")) for each, name in zip(probes, "xy", strict=True)
    ]
    lines = render_markdown(RunResult(probes=tuple(probes))).splitlines()
    after = {
        lines[number + 1] for number, line in enumerate(lines[:-1]) if line.startswith(("</details>", "<details>"))
    }
    assert after == {""}
