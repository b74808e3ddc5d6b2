"""The machine-readable form of a run: one object, as `docs/design.md` lays it down."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parity.gate import sentence
from parity.jsonfloat import dumps
from parity.report.canaries import canaries_tree
from parity.report.golden import golden_tree, goldens_tree

if TYPE_CHECKING:
    from parity.diff import Delta
    from parity.gate import RunResult
    from parity.golden.drift import Checked, Drift
    from parity.outcome import Rates, Shift
    from parity.probe.values import Probe
    from parity.result import CellResult, ProbeResult
    from parity.trace import Executed
    from parity.verdict import Verdict

SCHEMA = 1


def render_json(result: RunResult) -> str:
    """`results.json`, and what `--json` writes."""
    return dumps(
        {
            "schema": SCHEMA,
            "expected": result.expected,
            "interrupted": result.interrupted,
            "summary": sentence(result),
            "shard": None if result.shard is None else asdict(result.shard),
            "lacking": None if result.lacking is None else asdict(result.lacking),
            "postponed": {name: list(outcomes) for name, outcomes in result.postponed.items()},
            "upstream": list(result.upstream),
            "goldens": goldens_tree(result.goldens),
            "probes": [_probe(probe, result.goldens) for probe in result.probes],
            "canaries": None if result.canaries is None else canaries_tree(result.canaries),
        },
        indent=2,
    )


def verdict_tree(verdict: Verdict) -> dict[str, Any]:
    """What a verdict says and what it was said from."""
    return {
        "verdict": verdict.kind,
        "reason": verdict.reason,
        "first_divergence": None if verdict.first_divergence is None else asdict(verdict.first_divergence),
        "metrics": {name: asdict(summary) for name, summary in verdict.metrics.items()},
        "noise_floor": dict(verdict.noise_floor),
        "bounds": dict(verdict.bounds),
        "repetitions": verdict.repetitions,
        "problems": [{"kind": problem.kind, "detail": problem.detail} for problem in verdict.problems],
        "thresholds": asdict(verdict.thresholds),
    }


def outcome_tree(outcome: Rates | Shift) -> dict[str, Any]:
    """An outcome over seeds, its verdict under the name that all verdicts have."""
    fields = asdict(outcome)
    return {"verdict": fields.pop("kind"), **fields}


def render_diff(delta: Delta, verdict: Verdict) -> str:
    """What `parity diff --json` writes: the verdict, and the unequal rows."""
    unequal = delta.unequal.drop(columns="equal").astype(object)
    rows = unequal.where(unequal.notna(), None).to_dict("records")
    return dumps({"schema": SCHEMA, **verdict_tree(verdict), "deltas": rows}, indent=2)


def _probe(result: ProbeResult, goldens: Checked | None) -> dict[str, Any]:
    probe, first = result.probe, next(iter(result.cells), None)
    return {
        "probe": probe.name,
        "question": probe.question,
        "verdict": result.kind,
        "expected": result.expected,
        "not_run": result.not_run or None,
        "missing": list(result.missing),
        "expect": asdict(probe.expect),
        "outcomes": {name: outcome_tree(outcome) for name, outcome in result.outcomes.items()},
        "provenance": dict(first.provenance) if first else {},
        "executed": {arm: list(map(_file, files)) for arm, files in first.executed.items()} if first else {},
        "strays": list(result.strays),
        "cannot_show": [asdict(spot) for spot in result.blind_spots],
        "cells": [_cell(cell) | {"golden": golden_tree(cell, _golden(probe, cell, goldens))} for cell in result.cells],
    }


def _file(executed: Executed) -> dict[str, Any]:
    """How many functions; their names are in the trace."""
    return asdict(executed) | {"functions": len(executed.functions)}


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
        "repetitions": 0,
        "problems": [],
        "thresholds": None,
    }
    said = nothing if cell.verdict is None else verdict_tree(cell.verdict)
    return {"seed": cell.seed, "steps": cell.steps, **said, "failure": cell.failure, "note": cell.note} | {
        "controlled": cell.controlled,
        "effective": [asdict(difference) for difference in cell.differences],
        "swallowed": [{"arm": warned.arm, **asdict(warned.swallowed)} for warned in cell.warnings],
    }
