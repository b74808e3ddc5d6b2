from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from parity.errors import ExitStatus
from parity.gate.result import RunResult
from parity.gate.sentence import sentence
from parity.golden.drift import Checked, Drift, drift
from parity.golden.recorded import Recorded, RecordedGolden
from parity.golden.values import golden_of
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import Expectation, VerdictKind
from parity.report.golden import golden_lines, record_lines
from parity.report.json import render_json
from parity.report.markdown import render_markdown
from parity.report.terminal import print_run
from tests.unit import made
from tests.unit.made import cell, probe_result, trace

if TYPE_CHECKING:
    from parity.judge.result import CellResult
    from parity.trace.values import Step


def step(number: int, **changed: Any) -> Step:
    """As a golden has it."""
    return made.step(number, **{"found": None, "counter": None} | changed)


AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=9, detail=""
)
THEN = golden_of(trace(), {"batch_size": "6"})
NOW = replace(
    THEN,
    steps=(THEN.steps[0], replace(step(2), loss=2.75, reported={}), THEN.steps[2]),
    environment={**THEN.environment, "mlx": "0.33.0"},
)
SAME, MOVED = drift(THEN, THEN), drift(THEN, NOW)
DIFFERS = (
    "differs from its golden file from step 2 · loss · loss, 2.5 → 2.75, Δ +0.25, 1,048,576 ULPs (mlx 0.32.4 → 0.33.0)"
)


def checked(*drifts: Drift, decides: bool = True, absent: int = 0) -> Checked:
    named = {("current/self", seed): each for seed, each in zip((1, 42), drifts, strict=False)}
    return Checked(
        decides=decides,
        platform="linux-x86_64-cpu",
        drifts=named,
        absent=tuple(("current/self", seed) for seed in range(7, 7 + absent)),
        passed_over=() if decides else ("a.txt: recorded for another workload",),
    )


def run(*drifts: Drift, decides: bool = True, absent: int = 0, kind: VerdictKind = VerdictKind.IDENTICAL) -> RunResult:
    cells = [cell(seed, kind, AT if kind is VerdictKind.DIVERGED else None) for seed in (1, 42)]
    goldens = checked(*drifts, decides=decides, absent=absent)
    return RunResult(probes=(probe_result(*cells),), goldens=goldens)


def terminal(result: RunResult, *, verbose: bool = False) -> str:
    console = Console(file=StringIO(), width=100, highlight=False)
    print_run(console, result, verbose=verbose)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("found", "of", "said"),
    [
        (SAME, cell(1), "the reference matches its golden file bit for bit; the candidate matches it"),
        (MOVED, cell(1), f"the reference {DIFFERS}; the candidate matches the reference"),
        (
            SAME,
            cell(1, VerdictKind.DIVERGED, AT),
            "the reference matches its golden file bit for bit; the candidate differs",
        ),
        (
            MOVED,
            cell(1, VerdictKind.DIVERGED, AT),
            f"the reference {DIFFERS}; the candidate differs from the reference",
        ),
        (
            MOVED,
            cell(1, VerdictKind.INVALID),
            f"the reference {DIFFERS}; the candidate could not be judged",
        ),
        (
            SAME,
            cell(1, VerdictKind.INVALID),
            "the reference matches its golden file bit for bit; the candidate could not be judged",
        ),
    ],
)
def test_it_is_said_which_moved(found: Drift, of: CellResult, said: str) -> None:
    assert golden_lines(probe_result(of), checked(found)) == [(f"seed 1: {said}", found.moved)]


def test_a_declared_divergence_moved_as_declared() -> None:
    expect = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, step=1)
    probe = probe_result(cell(1, VerdictKind.DIVERGED, AT), expect=expect)
    ((line, _),) = golden_lines(probe, checked(SAME))
    assert line == "seed 1: the reference matches its golden file bit for bit; the candidate differs as declared"


def test_seeds_of_which_the_same_is_said_share_a_line() -> None:
    ((line, moved),) = golden_lines(probe_result(cell(1), cell(42)), checked(SAME, SAME))
    assert (line.partition(":")[0], moved) == ("seeds 1, 42", False)


def test_without_goldens_nothing_is_said() -> None:
    result = RunResult(probes=(probe_result(cell(1), cell(42)),))
    assert "golden" not in terminal(result)
    assert "golden" not in render_markdown(result)


def test_a_golden_that_decides_fails_a_run_that_is_as_expected_otherwise() -> None:
    result = run(SAME, MOVED)
    assert (result.expected, result.status) == (False, ExitStatus.UNEXPECTED)
    said = (
        "Not as expected: the environment moved: 1 of 2 references differs from its golden file, "
        "current/self (seed 42)."
    )
    assert sentence(result) == said
    for page in (" ".join(terminal(result).split()), render_markdown(result).replace("\\", "")):
        assert said in page
        assert f"seed 42: the reference {DIFFERS}; the candidate matches the reference" in page


def test_both_reasons_are_in_the_sentence() -> None:
    said = sentence(run(MOVED, MOVED, kind=VerdictKind.DIVERGED))
    assert said.startswith("Not as expected, 1 of 1 probe: current/self diverged, because (seed 1)")
    assert said.endswith(
        "The environment moved: 2 of 2 references differ from their golden files, first current/self (seed 1)."
    )


def test_a_golden_that_does_not_decide_is_said_and_passes() -> None:
    result = run(MOVED, MOVED, decides=False)
    assert (result.expected, result.status) == (True, ExitStatus.EXPECTED)
    assert "golden files  2 references compared, 2 moved; 1 not compared" in terminal(result)
    page = terminal(result, verbose=True)
    assert "the reference differs from its golden file" in page
    assert "golden file not used: a.txt: recorded for another workload" in page


def test_cells_without_a_golden_are_said_once() -> None:
    said = (
        "no golden file on linux-x86_64-cpu for current/self, seed 7 and 2 more: not checked; "
        "`parity record` writes them"
    )
    result = run(SAME, absent=3)
    assert result.status is ExitStatus.EXPECTED
    assert terminal(result, verbose=True).count(said) == 1
    assert render_markdown(result).count("not checked; ") == 1
    assert "no golden file" not in terminal(run(SAME, absent=3, decides=False), verbose=True)


def test_json_holds_which_moved_and_what_changed() -> None:
    tree = json.loads(render_json(run(SAME, MOVED, absent=1)), parse_constant=pytest.fail)
    assert tree["goldens"] == {
        "decide": True,
        "platform": "linux-x86_64-cpu",
        "compared": 2,
        "moved": 1,
        "absent": [{"probe": "current/self", "seed": 7}],
        "passed_over": [],
    }
    same, moved = (each["golden"] for each in tree["probes"][0]["cells"])
    assert (same["moved"], same["first_difference"], same["changed"]) == ("neither", None, [])
    assert (moved["moved"], moved["first_difference"]["metric"], moved["unequal"]) == ("environment", "loss", 1)
    assert moved["changed"] == [{"name": "mlx", "then": "0.32.4", "now": "0.33.0"}]


def test_what_nobody_has_looked_at_is_in_every_report() -> None:
    line = "mlx-lm 0.33.0: default_loss differs from the one that was last reviewed (0.32.2)"
    cells = [replace(cell(seed), upstream=(line,)) for seed in (1, 42)]
    result = RunResult(probes=(probe_result(*cells),))
    assert terminal(result, verbose=True).count(line) == 1
    assert "upstream  1 function of mlx-lm changed since we looked" in terminal(result)
    assert render_markdown(result).replace("\\", "").count(f"- {line}") == 1
    assert json.loads(render_json(result))["upstream"] == [line]
    assert result.expected


PATH = Path("fixtures/golden/linux-x86_64-cpu/current-self-1.txt")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (Recorded.FIRST, f"recorded for the first time: look at {PATH} and commit it"),
        (Recorded.SAME, f"equal to {PATH}"),
        (Recorded.DIFFERS, f"differs from {PATH}; nothing is written, --force replaces it"),
        (Recorded.REPLACED, f"replaced {PATH}, which could not be read"),
        (Recorded.FAILED, "not recorded: no"),
    ],
)
def test_each_record_is_a_line(what: Recorded, said: str) -> None:
    found = RecordedGolden(what=what, probe="current/self", seed=1, path=PATH, now=NOW, failure="no")
    assert list(record_lines(found)) == [f"current/self, seed 1: {said}"]


def test_what_differs_is_shown_with_both_values_and_the_releases() -> None:
    other = replace(NOW, asked={"batch_size": "4"})
    found = RecordedGolden(what=Recorded.DIFFERS, probe="current/self", seed=1, path=PATH, then=THEN, now=other)
    assert list(record_lines(found))[1:] == [
        "  workload: batch_size 6 → 4",
        "  step 2 · loss · loss: 2.5 → 2.75, Δ +0.25, 1,048,576 ULPs",
        "  environment: mlx 0.32.4 → 0.33.0",
    ]


def test_of_many_values_the_first_are_shown() -> None:
    other = replace(NOW, steps=tuple(replace(step(n), lr=0.5, loss=9.0, params="x", batch="y") for n in range(1, 8)))
    then = replace(THEN, steps=tuple(step(number) for number in range(1, 8)))
    found = RecordedGolden(what=Recorded.REPLACED, probe="current/self", seed=1, path=PATH, then=then, now=other)
    shown = list(record_lines(found))
    assert "  and 16 more of 68 compared values" in shown
