from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from parity.gate.result import RunResult
from parity.judge.blind_spots import BlindSpot
from parity.judge.curves import Curve
from parity.judge.effective import Difference, Warned
from parity.judge.outcomes import judge_rates
from parity.judge.result import CellResult
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import ArmName, Expectation, VerdictKind
from parity.report.html import POINTS, curve_data, in_script, points, render_html
from parity.trace.values import Ignored
from tests.unit.made import HEADER, PROBE, cell, probe_result, verdict

AT = FirstDivergence(
    step=1, stage=Stage.LOSS, metric="loss", reference=2.5, candidate=2.25, delta=-0.25, ulp=9, detail=""
)
CURVE = Curve(steps=(1, 2, 3), reference=(2.5, 2.0, math.nan), candidate=(2.25, 2.0, None))
HOSTILE = "</script><img src=x onerror=alert(1)>\u2028&\"'"
VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """What a browser would make of it: elements, attributes, text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside in self.raw:
            self.raw[inside].append(data)
        else:
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def diverged(seed: int = 42, **changed: Any) -> CellResult:
    made = replace(cell(seed, VerdictKind.DIVERGED, AT), curves={"loss": CURVE}, provenance=HEADER.provenance)
    return replace(made, **changed)


def page(*cells: CellResult, **changed: Any) -> Page:
    return Page(render_html(RunResult(probes=(probe_result(*cells, **changed),))))


def test_the_sentence_comes_first_and_each_probe_and_seed_has_its_place() -> None:
    found = page(cell(1), diverged())
    assert found.open == []
    assert "✗ Not as expected, 1 of 1 probe: current/self diverged, because (seed 42)" in found.text
    assert found.text.index("Not as expected, 1") < found.text.index("Probes and seeds")
    assert "✓ identical" in found.text
    assert "Expected identical: not met." in found.text
    assert "step 1 · loss · loss: 2.5 → 2.25, Δ −0.25, 9 ULPs" in found.text
    assert "Within at tolerance loss 0.25" in found.text
    assert {"p1", "p1-1", "p1-42"} <= {attributes.get("id") for attributes in found.having("details")}


def test_what_is_as_expected_is_folded_and_stands_after_what_is_not() -> None:
    fine = replace(probe_result(cell(1), cell(42)), probe=replace(PROBE, name="current/fine"))
    found = Page(render_html(RunResult(probes=(fine, probe_result(cell(1), diverged())))))
    sections = [each for each in found.having("details") if "probe" in str(each.get("class"))]
    assert [("not-expected" in str(each["class"]), "open" in each) for each in sections] == [
        (True, True),
        (False, False),
    ]
    assert found.text.rindex("current/self") < found.text.rindex("current/fine")
    assert any(each.get("id") == "only-odd" for each in found.having("input"))


def test_a_probe_that_was_never_run_says_so() -> None:
    text = Page(render_html(RunResult(probes=(probe_result(),), interrupted=True))).text
    assert text.count("✗ not run") == 4
    assert "Interrupted: 0 of 1 probe" in text


def test_a_probe_that_could_not_be_started_says_why_and_is_no_fail() -> None:
    found = Page(render_html(RunResult(probes=(replace(probe_result(), not_run="the hub cannot be reached"),))))
    assert "Not run: the hub cannot be reached." in found.text
    assert "✗ not run" not in found.text
    assert found.text.count("– not run") == 4
    assert "? undecided" in found.text


def test_of_a_run_of_nothing_there_is_a_page() -> None:
    assert "Not as expected, 0 of 0 probes" in Page(render_html(RunResult(probes=()))).text


def test_no_address_outside_the_page_and_nothing_runs_but_what_was_hashed() -> None:
    found = page(cell(1), diverged())
    for _, attributes in found.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    (style,) = found.raw["style"]
    assert not re.search(r"url\(|@import|@font-face", style)
    policy = next(str(each["content"]) for each in found.having("meta") if "http-equiv" in each)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    script = found.raw["script"][-1]
    for kind, text in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|importScripts|\bimport\(", script)


def test_the_page_keeps_the_licence_of_what_it_holds() -> None:
    script = page(cell(1), cell(42)).raw["script"][-1]
    assert script.startswith("/*! uPlot 1.6.32\nThe MIT License (MIT)\n\nCopyright (c) 2022 Leon Sorokin")


def test_curves_are_data_and_no_number_is_lost_or_made_up() -> None:
    tree = json.loads(str(curve_data(diverged(), 100)))
    assert tree == {
        "step": 1,
        "called": "first divergence",
        "floor": {"loss": 0.0},
        "recorded": 3,
        "curves": {"loss": {"steps": [1, 2, 3], "reference": [2.5, 2.0, "NaN"], "candidate": [2.25, 2.0, None]}},
    }
    same = Curve(steps=(1,), reference=(math.nan,), candidate=(float("nan"),))
    tree = json.loads(str(curve_data(replace(cell(1), curves={"loss": same}), 100)))
    assert tree["curves"]["loss"] == {"steps": [1], "reference": ["NaN"], "candidate": None}


def test_a_page_of_many_curves_has_fewer_points_of_each() -> None:
    values = tuple(map(float, range(1, 30_001)))
    long = Curve(steps=tuple(range(1, 30_001)), reference=values, candidate=values)
    one = RunResult(probes=(probe_result(replace(cell(1), curves={"loss": long})),))
    assert points(one) == POINTS == 3000
    assert len(json.loads(str(curve_data(one.probes[0].cells[0], points(one))))["curves"]["loss"]["steps"]) <= POINTS
    many = RunResult(probes=(probe_result(*[replace(cell(s), curves={"loss": long}) for s in range(500)]),))
    assert points(many) == 300
    assert (
        points(RunResult(probes=(probe_result(*[replace(cell(s), curves={"loss": CURVE}) for s in range(5000)]),)))
        == 150
    )


@pytest.mark.parametrize("harm", ["</script>", "<!--<script>", "&lt;", "\u2028", "\u2029"])
def test_data_cannot_end_its_element(harm: str) -> None:
    said = str(in_script({"said": harm}))
    assert not re.search("[<>&\u2028\u2029]", said)
    assert json.loads(said) == {"said": harm}


def test_text_from_outside_is_text_wherever_it_stands() -> None:
    ignored = Ignored(name=HOSTILE, asked=HOSTILE, effective=None, why=HOSTILE)
    odd = diverged(
        differences=(Difference(name=HOSTILE, reference=HOSTILE, candidate=[HOSTILE], declared=False),),
        warnings=(Warned(arm=ArmName.CANDIDATE, ignored=ignored),),
        strays=(HOSTILE,),
        upstream=(HOSTILE,),
        note=HOSTILE,
        verdict=replace(verdict(VerdictKind.DIVERGED, replace(AT, metric=HOSTILE, detail=HOSTILE)), reason=HOSTILE),
        curves={HOSTILE: CURVE},
    )
    failed = CellResult(seed=1, steps=0, verdict=None, failure=HOSTILE)
    expect = Expectation(verdict=VerdictKind.IDENTICAL, because=HOSTILE)
    probe = replace(
        probe_result(failed, odd, name=HOSTILE, question=HOSTILE, expect=expect),
        blind=(BlindSpot(stage=Stage.CLIP, what=HOSTILE, because=HOSTILE),),
        outcomes={HOSTILE: judge_rates({1: True}, {1: False})},
    )
    tree = {
        "summary": HOSTILE, "evidence": [{"factor": HOSTILE, "diverges_at": HOSTILE, "lines": [HOSTILE]}],
        "ignored": [HOSTILE],
        "steps": {"summary": HOSTILE, "lines": [(HOSTILE, HOSTILE, HOSTILE)]}, "runs": 1, "seed": 1,
        "causes": [{"stages": [HOSTILE], "lines": [HOSTILE], "restores": HOSTILE, "alone": [{"diverges_at": HOSTILE}]}],
        "ruled_out": [{"stages": [HOSTILE], "still": HOSTILE}],
    }  # fmt: skip
    found = Page(render_html(RunResult(probes=(probe,), explanations={HOSTILE: tree})))
    assert found.having("img") == []
    assert found.open == []
    assert len(found.having("script")) == 2
    assert found.said.count("✗") > 0
    assert "".join(found.said).count("onerror=alert(1)") >= 25


def test_beside_the_verdict_stand_differences_limits_warnings_outcomes_and_the_cause() -> None:
    differences = (
        Difference(name="clip", reference="none", candidate="norm 1", declared=True),
        Difference(name="lr", reference=[0.5] * 3, candidate=[0.5, 0.25], declared=False),
    )
    warned = Warned(
        arm=ArmName.CANDIDATE, ignored=Ignored(name="layers", asked=16, effective=None, why="no such parameter")
    )
    cells = [diverged(seed, differences=differences, warnings=(warned,)) for seed in (1, 42)]
    probe = replace(
        probe_result(*cells),
        blind=(BlindSpot(stage=Stage.BATCH, what="padding", because="every row has 8 tokens"),),
        outcomes={"contains": judge_rates({1: True, 42: False}, {1: False, 42: True})},
    )
    tree = {
        "summary": "The arms diverge at step 1.",
        "evidence": [{"factor": "loss alone", "diverges_at": "step 1", "lines": ["a", "  b"]}],
        "ignored": [],
        "steps": {"summary": "Faulty: step 1.", "lines": [("step 1", "loss", "equal")]},
        "causes": [
            {
                "stages": ["loss"],
                "lines": ["one for another"],
                "restores": "identical",
                "alone": [{"diverges_at": "diverged"}],
            }
        ],
        "ruled_out": [{"stages": ["clip"], "still": "diverged"}],
        "runs": 7,
        "seed": 1,
    }
    text = Page(render_html(RunResult(probes=(probe,), explanations={PROBE.name: tree}))).text
    for said in (
        "⚠ ignored: layers: the candidate asks for 16; it has no effect (no such parameter)",
        "settings that differ, seeds 1, 42",
        "clip none norm 1 declared",
        "lr 0.5 × 3 0.5, 0.25 undeclared",
        "This workload cannot show: padding (batch: every row has 8 tokens).",
        "contains inconclusive : 1 of 2 against 1 of 2 seeds",
        "yes in the reference only: seeds 1",
        "The arms diverge at step 1.",
        "Cause: loss ; done as the reference does it, the candidate is identical.",
        "one for another; put alone into the reference: diverged",
        "clip diverged",
        "7 arms were run at seed 1.",
        "mlx 0.32.4",
        "deterministic: the noise floor is zero",
        "The curves are drawn by a script, which did not run. Everything else is here.",
    ):
        assert said in text


def test_where_the_reference_does_not_repeat_itself_floor_and_bound_stand_beside_each_metric() -> None:
    noisy = replace(
        verdict(VerdictKind.INCONCLUSIVE, AT), noise_floor={"loss": 0.125}, bounds={"loss": 0.5}, repetitions=4
    )
    text = page(replace(cell(1), verdict=noisy), cell(42)).text
    assert "The reference does not repeat itself: 4 repetitions measure its noise floor." in text
    assert "noise floor no difference is larger than loss 1 0 of 3 0.25 0 0.125 0.5" in text


def test_the_same_run_is_the_same_page() -> None:
    result = RunResult(probes=(probe_result(cell(1), diverged()),))
    assert render_html(result) == render_html(result)


def test_a_probe_that_was_not_run_is_not_decided_here_either() -> None:
    result = RunResult(probes=(replace(probe_result(), not_run="model owner/name is not available (refused)"),))
    said = " ".join(Page(render_html(result)).said)
    assert "not decided." in said
    assert "not met" not in said
