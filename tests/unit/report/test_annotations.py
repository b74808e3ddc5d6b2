from __future__ import annotations

from dataclasses import replace

from parity.gate.result import RunResult
from parity.judge.effective import Warned
from parity.judge.result import CellResult
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import ArmName
from parity.report.annotations import render_annotations
from parity.trace.values import Ignored
from tests.unit.made import judged, probe_of

AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=9, detail=""
)


def test_a_run_that_is_as_expected_is_one_notice() -> None:
    found = render_annotations(RunResult(probes=(probe_of("a/b", judged(1)),)))
    assert found == "::notice title=parity::1 probe, as expected: identical.\n"


def test_the_verdict_comes_first_and_then_each_probe_that_is_not_as_expected() -> None:
    fine, odd = probe_of("a/fine", judged(1)), probe_of("a/odd", *(judged(seed, AT) for seed in range(1, 6)))
    assert render_annotations(RunResult(probes=(fine, odd))).splitlines() == [
        "::error title=parity::Not as expected, 1 of 2 probes: a/odd diverged, from step 1, stage clip (seed 1), "
        "expected identical.",
        "::error title=a/odd::seed 1: diverged, from step 1, stage clip; seed 2: diverged, from step 1, stage clip; "
        "seed 3: diverged, from step 1, stage clip; 2 more seeds. Expected identical",
    ]


def test_of_more_than_a_step_has_room_for_the_last_says_how_many() -> None:
    probes = tuple(probe_of(f"a/{number}", judged(1, AT)) for number in range(40))
    lines = render_annotations(RunResult(probes=probes)).splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error ") for line in lines)
    assert lines[0].endswith("expected identical; and 37 more.")
    assert lines[-1] == "::error title=parity::and 32 more; the report has all of them"


def test_what_was_ignored_is_a_warning() -> None:
    ignored = Ignored(name="f.x", asked=16, effective=None, why="no such parameter")
    cell = replace(judged(1), warnings=(Warned(arm=ArmName.CANDIDATE, ignored=ignored),))
    _, warning = render_annotations(RunResult(probes=(probe_of("a/b", cell),), interrupted=False)).splitlines()
    assert warning.startswith("::warning title=a/b::ignored: f.x: the candidate asks for 16")


def test_nothing_from_outside_can_issue_a_command() -> None:
    hostile = "a,b:c%0A\n::set-output name=x::y"
    cell = CellResult(seed=1, steps=0, verdict=None, failure=hostile * 100)
    lines = render_annotations(RunResult(probes=(probe_of(hostile, cell),))).splitlines()
    titles = [line.split("::")[1] for line in lines]
    assert titles == ["error title=parity", "error title=a%2Cb%3Ac%250A %3A%3Aset-output name=x%3A%3Ay"]
    assert all(len(line) < 1200 for line in lines)
