"""The machine-readable form of a run: one object, as `docs/design.md` describes it; `parity.store.results` reads it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.gate.sentence import sentence
from parity.jsonfloat import dumps
from parity.judge.curves import thinned
from parity.judge.result import gravest
from parity.probe.values import to_plain
from parity.report.canaries import canaries_tree
from parity.report.golden import golden_tree, goldens_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.gate.result import RunResult
    from parity.golden.drift import Checked, Drift
    from parity.judge.comparison import Comparison
    from parity.judge.outcomes import Rates, Shift
    from parity.judge.result import CellResult, ProbeResult
    from parity.judge.verdict import Verdict
    from parity.probe.values import Probe

SCHEMA = 2
"""Of all other JSON that commands write."""

RESULT_SCHEMA = 3
"""Of `results.json`."""

POINTS = 150
"""Most points of a curve: enough for a picture, and small compared with the rest."""


def render_json(result: RunResult) -> str:
    """`results.json`, and what `--json` writes."""
    return dumps(result_tree(result), indent=1)


def result_tree(result: RunResult) -> dict[str, Any]:
    """A run as JSON types, including what follows from the rest, for readers without this tool."""
    return {
        "schema": RESULT_SCHEMA,
        "expected": result.expected,
        "status": int(result.status),
        "interrupted": result.interrupted,
        "summary": sentence(result),
        "shard": None if result.shard is None else asdict(result.shard),
        "missing_shards": None if result.missing_shards is None else asdict(result.missing_shards),
        "missing_pieces": list(result.missing_pieces),
        "postponed": {name: list(outcomes) for name, outcomes in result.postponed.items()},
        "upstream": list(result.upstream),
        "goldens": goldens_tree(result.goldens),
        "probes": [_probe(probe, result) for probe in result.probes],
        "canaries": None if result.canaries is None else canaries_tree(result.canaries),
    }


def verdict_tree(verdict: Verdict) -> dict[str, Any]:
    """A verdict and the measurements behind it."""
    return {
        "verdict": verdict.kind,
        "reason": verdict.reason,
        "first_divergence": None if verdict.first_divergence is None else asdict(verdict.first_divergence),
        "metrics": {name: asdict(summary) for name, summary in verdict.metrics.items()},
        "noise_floor": dict(verdict.noise_floor),
        "bounds": dict(verdict.bounds),
        "largest": dict(verdict.largest),
        "repetitions": verdict.repetitions,
        "problems": [{"kind": problem.kind, "detail": problem.detail} for problem in verdict.problems],
        "thresholds": asdict(verdict.thresholds),
    }


def outcome_tree(outcome: Rates | Shift) -> dict[str, Any]:
    """An outcome over seeds, with its verdict under the key that all verdicts have."""
    fields = asdict(outcome)
    return {"verdict": fields.pop("kind"), **fields}


def render_comparisons(found: Sequence[Comparison]) -> str:
    """What `parity diff --json` writes: the verdict, and the unequal rows; of several ranks one each."""
    if [each.name for each in found] == [""]:
        return dumps({"schema": SCHEMA, **_comparison(found[0])}, indent=2)
    ranks = {each.name: _comparison(each) for each in found}
    verdict = gravest(each.verdict.kind for each in found)
    return dumps({"schema": SCHEMA, "verdict": verdict, "ranks": ranks}, indent=2)


def _comparison(of: Comparison) -> dict[str, Any]:
    unequal = of.delta.unequal.drop(columns="equal").astype(object)
    rows = unequal.where(unequal.notna(), None).to_dict("records")
    also = {"note": of.cell.note, "blind_spots": list(of.blind), "left_out": list(of.left_out)}
    return {**verdict_tree(of.verdict), **also, "deltas": rows}


def _probe(result: ProbeResult, run: RunResult) -> dict[str, Any]:
    probe, first, goldens = result.probe, next(iter(result.cells), None), run.goldens
    return {
        "probe": probe.name,
        "question": probe.question,
        "verdict": result.kind,
        "expected": result.expected,
        "not_run": result.not_run or None,
        "missing": list(result.missing),
        "asked": _from_here(to_plain(probe)),
        "outcomes": {name: outcome_tree(outcome) for name, outcome in result.outcomes.items()},
        "provenance": dict(result.provenance),
        "executed": {arm: list(map(asdict, files)) for arm, files in first.executed.items()} if first else {},
        "strays": list(result.strays),
        "blind_spots": [asdict(spot) for spot in result.blind_spots],
        "cells": [_cell(cell) | {"golden": golden_tree(cell, _golden(probe, cell, goldens))} for cell in result.cells],
        "explanation": run.explanations.get(probe.name),
    }


def _from_here(value: Any) -> Any:
    """A probe with its folders relative to the working directory, where they are below it."""
    if isinstance(value, dict):
        return {name: _from_here(item) for name, item in value.items()}
    if isinstance(value, str) and value.startswith("/") and (path := Path(value)).is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return list(value) if isinstance(value, tuple) else value


def _golden(probe: Probe, cell: CellResult, goldens: Checked | None) -> Drift | None:
    return None if goldens is None else goldens.drifts.get((probe.name, cell.seed))


def _cell(cell: CellResult) -> dict[str, Any]:
    nothing: dict[str, Any] = {
        "verdict": cell.kind,
        "reason": cell.reason,
        "first_divergence": None,
        "metrics": {},
        "noise_floor": {},
        "bounds": {},
        "largest": {},
        "repetitions": 0,
        "problems": [],
        "thresholds": None,
    }
    said = nothing if cell.verdict is None else verdict_tree(cell.verdict)
    return {"seed": cell.seed, "steps": cell.steps, **said, "failure": cell.failure, "note": cell.note} | {
        "control": None if cell.control is None else asdict(cell.control),
        "lent_by": cell.lent_by or None,
        "random": dict(cell.random),
        "alarms": list(cell.alarms),
        "curves": {name: asdict(thinned(curve, POINTS)) for name, curve in cell.curves.items()},
        "effective": [asdict(difference) for difference in cell.differences],
        "ignored": [{"arm": warned.arm, **asdict(warned.ignored)} for warned in cell.warnings],
        "outcomes": dict(zip(("reference", "candidate"), map(dict, cell.outcomes), strict=True)),
    }
