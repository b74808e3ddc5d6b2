from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from parity.gate.result import RunResult
from parity.judge.result import CellResult
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import Expectation, VerdictKind
from parity.report.junit import render_junit
from tests.unit.made import judged, probe_of
from tests.unit.scoreboard.made import CAUGHT, MISSED, NOT_RUN, board

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
AT = FirstDivergence(
    step=1, stage=Stage.CLIP, metric="clipped_norm", reference=2.5, candidate=2.25, delta=-0.25, ulp=9, detail=""
)
DIED = CellResult(seed=2, steps=0, verdict=None, failure="candidate: died of SIGKILL")


def cases(result: RunResult) -> dict[str, tuple[str, str, str]]:
    """By class and name: what is in it, its message and its text."""
    text = render_junit(result)
    SCHEMA.validate(text)
    found = {}
    for case in ET.fromstring(text).iter("testcase"):
        inside = next(iter(case), None)
        what = ("", "", "") if inside is None else (inside.tag, inside.get("message", ""), inside.text or "")
        found[f"{case.get('classname')} {case.get('name')}"] = what
    return found


def test_a_case_a_probe_and_seed_and_one_for_the_verdict() -> None:
    probe = probe_of("a/b", judged(1), DIED, judged(3, AT))
    planned = replace(probe.probe, workload=replace(probe.probe.workload, seeds=(1, 2, 3, 4)))
    found = cases(RunResult(probes=(replace(probe, probe=planned),)))
    assert found == {
        "a/b seed 1": ("", "", ""),
        "a/b seed 2": ("error", "invalid, candidate: died of SIGKILL; expected identical", ""),
        "a/b seed 3": (
            "failure",
            "diverged, from step 1, stage clip; expected identical",
            "step 1 · clip · clipped_norm: 2.5 → 2.25, Δ −0.25, 9 ULPs",
        ),
        "a/b seed 4": ("skipped", "not run", ""),
        "gate verdict": (
            "failure",
            "Not as expected, 1 of 1 probe: a/b is invalid, an arm did not run (seed 2), expected identical.",
            "",
        ),
    }


def test_a_declared_divergence_passes_and_one_that_is_gone_fails() -> None:
    expect = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP)
    met = RunResult(probes=(probe_of("a/b", judged(1, AT), expect=expect),))
    assert set(cases(met).values()) == {("", "", "")}
    gone = cases(RunResult(probes=(probe_of("a/b", judged(1), expect=expect),)))
    assert gone["a/b seed 1"][:2] == ("failure", "identical, bit for bit; expected diverged at stage clip")


@pytest.mark.parametrize("result", [RunResult(probes=()), RunResult(probes=(), interrupted=True)])
def test_a_run_of_nothing_is_a_failed_case(result: RunResult) -> None:
    assert cases(result)["gate verdict"][0] == "failure"


def test_known_faults_are_cases() -> None:
    found = cases(RunResult(probes=(probe_of("a/b", judged(1)),), canaries=board(CAUGHT, MISSED, NOT_RUN)))
    assert found["known faults rate-up"] == ("", "", "")
    assert found["known faults rate-down"][:2] == ("failure", "missed: Learning rate × 1.01; identical, because")
    assert found["known faults rate-gone"][:2] == ("error", "not run: candidate: there is no such seam")
    assert found["gate verdict"][0] == "failure"


def test_an_outcome_that_was_declared_and_not_measured_fails() -> None:
    expect = Expectation(verdict=VerdictKind.IDENTICAL, outcomes={"contains": VerdictKind.IDENTICAL})
    found = cases(RunResult(probes=(probe_of("a/b", judged(1), expect=expect),)))
    assert found["a/b outcome contains"][:2] == ("failure", "not measured")


def test_the_counts_are_those_of_the_cases() -> None:
    result = RunResult(probes=(probe_of("a/b", judged(1), DIED, judged(3, AT)),))
    root = ET.fromstring(render_junit(result))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "2",
        "errors": "1",
        "skipped": "0",
    }


@given(st.text())
def test_whatever_a_failure_says_it_is_xml(text: str) -> None:
    cases(RunResult(probes=(probe_of(f"a/{text}", replace(DIED, failure=f"x{text}")),)))
