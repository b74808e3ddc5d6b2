"""What every report says first, as values: what was not as expected, then the other probes.

The terminal, the markdown page, the comment and the HTML page show these in this order, after the sentence; the
topics (`parity.report.topics`) follow.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.judge.result import wanted
from parity.probe.values import VerdictKind
from parity.report.wording import (
    NOTHING,
    counted,
    number,
    signed,
    smallest_tolerance,
    stage_and_step,
    tolerance,
    ulps,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.gate.result import RunResult
    from parity.judge.result import CellResult, ProbeResult
    from parity.judge.verdict import FirstDivergence

_SEEDS = 3
"""Seeds that are named; more are counted."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A probe that is not as expected, at the first seed that shows it."""

    probe: ProbeResult
    facts: tuple[tuple[str, str], ...]
    """Label and text, in the order in which they are read."""
    command: str
    """What goes on from here; empty where nothing does."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A probe that is as expected, or that was not run, in one line."""

    probe: ProbeResult
    mark: str
    """`✓`, or `–` where it was not run."""
    seeds: str
    verdict: str
    tolerance: str
    """What the probe lets differ, to follow the verdict; empty if it states nothing."""
    diverges: str
    """Step and stage; empty where the arms do not differ."""


def findings(result: RunResult) -> list[Finding]:
    """The probes that are not as expected, in the order of the run."""
    return [
        Finding(probe=probe, facts=tuple(_facts(probe)), command=_command(probe))
        for probe in result.probes
        if not probe.expected and not result.is_pending(probe)
    ]


def rows(result: RunResult) -> list[Row]:
    """All other probes that were read from files, a line each."""
    return [_row(probe) for probe in result.asked if probe.expected or result.is_pending(probe)]


def _facts(probe: ProbeResult) -> Iterator[tuple[str, str]]:
    yield "expected", wanted(probe.probe.expect) + tolerance(probe.probe.tolerance)
    if probe.probe.expect.because:
        yield "because", probe.probe.expect.because
    odd = [cell for cell in probe.cells if not cell.meets(probe.probe.expect)]
    for cell in odd[:1]:
        yield from _facts_of(cell)
        yield "at", _at_seeds([each.seed for each in odd], len(probe.probe.workload.seeds))
        verdict = cell.verdict
        if verdict is not None and verdict.kind is VerdictKind.DIVERGED and (least := smallest_tolerance(verdict)):
            yield "within at", f"tolerance {least}"
    if probe.missing:
        yield "not run", _seeds(probe.missing)
    for name in probe.unmet_outcomes:
        found = probe.outcomes.get(name)
        yield name, "not measured" if found is None else f"{found.kind}: {found.reason}"


def _facts_of(cell: CellResult) -> Iterator[tuple[str, str]]:
    if cell.verdict is None:
        yield "failed", cell.failure
        return
    at = cell.first_divergence
    if at is None or cell.kind is VerdictKind.INVALID:
        yield "found", f"{cell.kind}: {cell.reason}"
    else:
        yield "found", f"{cell.kind} at step {at.step}, stage {at.stage or NOTHING}, metric {at.metric}"
    if at is not None:
        yield "reference", number(at.reference)
        yield "candidate", number(at.candidate)
        yield "difference", _difference(at)
    if at is not None and cell.kind is not VerdictKind.INVALID and cell.reason != f"from {stage_and_step(at)}":
        yield "reason", cell.reason


def _difference(at: FirstDivergence) -> str:
    """`−0.25, 1,234 ULPs`, or which tensors."""
    sizes = [] if at.delta is None else [signed(at.delta)]
    sizes += [] if at.ulp is None else [f"{ulps(at.ulp)} ULPs"]
    return ", ".join([*sizes, *([at.detail] if at.detail else [])]) or "the fingerprints differ"


def _command(probe: ProbeResult) -> str:
    """`parity explain probes/current/strict.toml --seeds 1 --steps 10`."""
    seed, file = probe.unexpected_divergence, probe.probe.file
    if seed is None or not file:
        return ""
    words = ["parity", "explain", file, "--seeds", str(seed), "--steps", str(probe.probe.workload.steps)]
    sets = (each for each in probe.probe.overrides if not each.startswith(("workload.seeds=", "workload.steps=")))
    return shlex.join([*words, *(word for each in sets for word in ("--set", each))])


def _row(probe: ProbeResult) -> Row:
    if probe.missing:
        return Row(probe=probe, mark="–", seeds=_seeds(probe.missing), verdict="not run", tolerance="", diverges="")
    return Row(
        probe=probe,
        mark="✓",
        seeds=_seeds([cell.seed for cell in probe.cells]),
        verdict=str(probe.kind),
        tolerance=tolerance(probe.probe.tolerance),
        diverges=_where(probe),
    )


def _where(probe: ProbeResult) -> str:
    """The earliest place at which any seed diverges; how many there are, where seeds do not agree."""
    found = [at for cell in probe.cells if (at := cell.first_divergence) is not None]
    if not found:
        return ""
    first = min(found, key=lambda at: at.step)
    places = {(at.step, at.stage) for at in found}
    return f"step {first.step} · {first.stage or first.metric}" + (" …" if len(places) > 1 else "")


def _seeds(numbers: Iterable[int]) -> str:
    """`1, 42, 3407`, or `15 seeds`."""
    named = [*map(str, numbers)]
    return ", ".join(named) if len(named) <= _SEEDS else counted(len(named), "seed")


def _at_seeds(odd: list[int], asked: int) -> str:
    named = f"seed{'' if len(odd) == 1 else 's'} {', '.join(map(str, odd[:_SEEDS]))}"
    more = f" and {len(odd) - _SEEDS} more" if len(odd) > _SEEDS else ""
    return f"{named}{more} ({len(odd)} of {asked})"
