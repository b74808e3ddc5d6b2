from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from parity.gate.result import RunResult
from parity.judge.blind_spots import BlindSpot
from parity.judge.effective import Difference, Warned
from parity.judge.outcomes import Rates, Shift, judge_rates, judge_shift
from parity.judge.result import CellResult, ProbeResult
from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import ArmName, Expectation, VerdictKind, to_plain
from parity.report.json import render_json
from parity.trace.values import Ignored
from tests.unit.made import PROBE, cell, probe_result

AT = FirstDivergence(
    step=2, stage=Stage.LOSS, metric="loss", reference=2.5, candidate=math.nan, delta=math.nan, ulp=None, detail=""
)


def read(*probes: ProbeResult, interrupted: bool = False) -> dict[str, Any]:
    text = render_json(RunResult(probes=probes, interrupted=interrupted))
    read: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    return read


def test_a_run_is_one_object() -> None:
    found = read(probe_result(cell(1), cell(42)))
    assert found == {
        "schema": 3,
        "expected": True,
        "status": 0,
        "interrupted": False,
        "summary": "1 probe, as expected: identical.",
        "shard": None,
        "missing_shards": None,
        "missing_pieces": [],
        "postponed": {},
        "upstream": [],
        "goldens": None,
        "probes": found["probes"],
        "canaries": None,
    }
    (probe,) = found["probes"]
    assert [each.pop("seed") for each in probe.pop("cells")] == [1, 42]
    assert probe == {
        "probe": "current/self",
        "question": "Is it the same?",
        "verdict": "identical",
        "expected": True,
        "not_run": None,
        "missing": [],
        "asked": json.loads(json.dumps(to_plain(PROBE))),
        "outcomes": {},
        "provenance": {},
        "executed": {},
        "strays": [],
        "blind_spots": [],
        "explanation": None,
    }


def test_a_cell_says_what_was_found_and_from_what() -> None:
    (probe,) = read(probe_result(replace(cell(1, VerdictKind.DIVERGED, AT), note="it died"), cell(42)))["probes"]
    assert probe["cells"][0] == {
        "seed": 1,
        "steps": 3,
        "verdict": "diverged",
        "reason": "because",
        "first_divergence": {
            "step": 2,
            "stage": "loss",
            "metric": "loss",
            "reference": 2.5,
            "candidate": "NaN",
            "delta": "NaN",
            "ulp": None,
            "detail": "",
        },
        "metrics": {"loss": {"max_abs": 0.25, "max_ulp": 0, "first_step": 2, "unequal": 0, "compared": 3}},
        "noise_floor": {},
        "bounds": {},
        "largest": {},
        "repetitions": 0,
        "problems": [],
        "thresholds": {"tolerance": {}, "deterministic": True, "confidence": 0.95},
        "failure": "",
        "note": "it died",
        "control": None,
        "lent_by": None,
        "random": {},
        "alarms": [],
        "effective": [],
        "ignored": [],
        "curves": {},
        "outcomes": {"reference": {}, "candidate": {}},
        "golden": None,
    }


def test_a_cell_that_failed_has_the_same_keys_and_says_why() -> None:
    failed = CellResult(seed=1, steps=0, verdict=None, failure="candidate: unsloth_zoo is not installed")
    (probe,) = read(probe_result(failed, cell(42)))["probes"]
    lost, whole = probe["cells"]
    assert lost.keys() == whole.keys()
    said = {name: lost[name] for name in ("verdict", "reason", "failure", "first_divergence", "metrics", "thresholds")}
    assert said == {
        "verdict": "invalid",
        "reason": "candidate: unsloth_zoo is not installed",
        "failure": "candidate: unsloth_zoo is not installed",
        "first_divergence": None,
        "metrics": {},
        "thresholds": None,
    }


def test_outcomes_stand_with_the_probe_by_name() -> None:
    outcomes: dict[str, Rates | Shift] = {
        "post_train_loss": judge_shift({1: 0.5, 42: 0.5}, {1: 0.75, 42: math.nan}),
        "contains": judge_rates({1: True, 42: True}, {1: True, 42: False}),
    }
    declared = {"contains": VerdictKind.DIVERGED}
    expect = Expectation(verdict=VerdictKind.IDENTICAL, outcomes=declared)
    found = read(replace(probe_result(cell(1), cell(42), expect=expect), outcomes=outcomes))
    (probe,) = found["probes"]
    assert (found["expected"], probe["expected"], probe["verdict"]) == (False, False, "identical")
    assert "contains is inconclusive" in found["summary"]
    assert probe["asked"]["expect"]["outcomes"] == {"contains": "diverged"}
    assert probe["outcomes"]["post_train_loss"] == {
        "verdict": "invalid",
        "reason": "NaN or infinite at 1 of 2 seeds, first at seed 42",
        "deltas": {"1": 0.25, "42": "NaN"},
        "mean": None,
        "largest": None,
        "largest_seed": None,
        "wilcoxon": None,
        "alpha": 0.05,
    }
    rates = probe["outcomes"]["contains"]
    counts = [
        rates[name] for name in ("verdict", "reference", "reference_seeds", "candidate", "candidate_seeds", "paired")
    ]
    assert counts == ["inconclusive", 2, 2, 1, 2, True]
    assert (rates["only_reference"], rates["only_candidate"], rates["smallest_gap"]) == ([42], [], None)


def test_what_a_probe_cannot_show_is_a_list() -> None:
    spot = BlindSpot(stage=Stage.CLIP, what="clipping", because="it never binds")
    known = BlindSpot(stage=Stage.BATCH, what="padding", because="every row has 8 tokens")
    cells = [replace(cell(seed), blind=(spot,)) for seed in (1, 42)]
    (probe,) = read(replace(probe_result(*cells), blind=(known,)))["probes"]
    assert probe["blind_spots"] == [
        {"stage": "batch", "what": "padding", "because": "every row has 8 tokens"},
        {"stage": "clip", "what": "clipping", "because": "it never binds"},
    ]


def test_what_really_ran_and_what_was_ignored_stand_with_the_cell() -> None:
    difference = Difference(name="lr", reference=[0.5, math.inf], candidate=[0.5, 0.25], declared=False)
    ignored = Ignored(name="get_peft_model.layers", asked=16, effective=None, why="no such parameter")
    warned = Warned(arm=ArmName.CANDIDATE, ignored=ignored)
    found = replace(cell(1), differences=(difference,), warnings=(warned,))
    (probe,) = read(probe_result(found, cell(42)))["probes"]
    first, second = probe["cells"]
    assert first["effective"] == [
        {"name": "lr", "reference": [0.5, "Infinity"], "candidate": [0.5, 0.25], "declared": False}
    ]
    assert first["ignored"] == [
        {
            "arm": "candidate",
            "name": "get_peft_model.layers",
            "asked": 16,
            "effective": None,
            "why": "no such parameter",
        }
    ]
    assert (second["effective"], second["ignored"]) == ([], [])


def test_an_interrupted_run_says_so() -> None:
    found = read(probe_result(cell(1)), interrupted=True)
    assert (found["interrupted"], found["expected"]) == (True, False)
    assert found["summary"] == "Interrupted: 0 of 1 probe had ended as expected."
