"""What every report says first, as values: what was not as expected, then the rest, then counts of what else there is.

The terminal, the markdown page, the comment and the HTML page show these in this order, after the sentence.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.judge.control import ControlStatus
from parity.judge.result import wanted
from parity.judge.tolerance import doubts
from parity.probe.values import VerdictKind
from parity.report.golden import absent_line, golden_lines, passed_over_lines
from parity.report.wording import (
    NOTHING,
    blind_spots,
    counted,
    discordant,
    loss_floor,
    number,
    postponed,
    signed,
    smallest_tolerance,
    stage_and_step,
    tolerance,
    ulps,
)
from parity.scoreboard.score import CanaryStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.gate.result import RunResult
    from parity.judge.result import CellResult, ProbeResult
    from parity.judge.verdict import FirstDivergence
    from parity.scoreboard.score import Scoreboard

_CONTROLS = {
    ControlStatus.SAME: "same final parameters",
    ControlStatus.WITHIN: "within the noise",
    ControlStatus.UNDECIDED: "not checked",
}
"""What controls showed that do not make a cell invalid."""

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


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Something else that is known of the run: a count, and the lines that it counts."""

    title: str
    count: str
    lines: tuple[str, ...]
    is_warning: bool = False
    decides: bool = False
    """Whether the run is not as expected because of it: then its lines are always shown."""


def findings(result: RunResult) -> list[Finding]:
    """The probes that are not as expected, in the order of the run."""
    return [
        Finding(probe=probe, facts=tuple(_facts(probe)), command=_command(probe))
        for probe in result.probes
        if not probe.expected and not result.is_pending(probe)
    ]


def rows(result: RunResult) -> list[Row]:
    """All other probes, a line each."""
    return [_row(probe) for probe in result.probes if probe.expected or result.is_pending(probe)]


def topics(result: RunResult) -> list[Topic]:
    """What else is known, the warnings first; what there is nothing of is left out."""
    return [topic for topic in _topics(result) if topic.lines]


def _facts(probe: ProbeResult) -> Iterator[tuple[str, str]]:
    yield "expected", wanted(probe.probe.expect) + tolerance(probe.probe.tolerance)
    if probe.probe.expect.because:
        yield "because", probe.probe.expect.because
    odd = [cell for cell in probe.cells if not cell.meets(probe.probe.expect)]
    for cell in odd[:1]:
        yield from _facts_of(cell)
        yield "at", _at_seeds([each.seed for each in odd], len(probe.probe.workload.seeds))
        if (verdict := cell.verdict) is not None and verdict.kind is VerdictKind.DIVERGED:
            yield "within at", f"tolerance {smallest_tolerance(verdict)}"
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


def _topics(result: RunResult) -> Iterator[Topic]:
    yield from _warnings(result)
    for status, showed in _CONTROLS.items():
        controls = result.controls(status)
        count = f"{counted(len(controls), 'cell')} trained again without the tap: {showed}"
        yield Topic(title="controls", count=count, lines=controls, is_warning=status is ControlStatus.UNDECIDED)
    yield _noise(result)
    yield _goldens(result)
    yield _canaries(result)
    outcomes = [*_outcomes(result)]
    yield Topic(title="outcomes", count=f"{counted(len(outcomes), 'outcome')} judged over seeds", lines=(*outcomes,))
    deferred = postponed(result)
    yield Topic(title="outcomes", count=f"{counted(len(deferred), 'probe')}: decided once merged", lines=(*deferred,))
    yield _blind_spots(result)


def _warnings(result: RunResult) -> Iterator[Topic]:
    pieces = result.missing_pieces
    count = f"{counted(len(pieces), 'piece')} that a pass rests on"
    yield Topic(title="missing", count=count, lines=pieces, is_warning=True, decides=True)
    unproved = [] if result.canaries is None else [*_faults_not_run(result.canaries)]
    yield Topic(
        title="not run", count=counted(len(unproved), "known fault"), lines=(*unproved,), is_warning=True, decides=True
    )
    wide = [f"{each.probe.name}: {line}" for each in result.probes for line in doubts(each)]
    count = f"{counted(len(wide), 'warning')} of what a stated tolerance lets through"
    yield Topic(title="tolerance", count=count, lines=(*wide,), is_warning=True)
    ignored = [f"{each.probe.name}: {warned}" for each in result.probes for warned in each.warnings]
    count = f"{counted(len(ignored), 'setting')} accepted and not used"
    yield Topic(title="ignored", count=count, lines=(*ignored,), is_warning=True)
    strays = [f"{each.probe.name}: {line}" for each in result.probes for line in each.strays]
    count = f"{counted(len(strays), 'warning')} of code that is not the package's own"
    yield Topic(title="code", count=count, lines=(*strays,), is_warning=True)
    notes = [
        f"{each.probe.name}, seed {cell.seed}: {cell.note}"
        for each in result.probes
        for cell in each.cells
        if cell.note
    ]
    yield Topic(title="notes", count=f"{counted(len(notes), 'cell')} with a note", lines=(*notes,), is_warning=True)
    functions = result.upstream
    count = f"{counted(len(functions), 'function')} of mlx-lm changed since we looked"
    yield Topic(title="upstream", count=count, lines=functions, is_warning=True)


def _noise(result: RunResult) -> Topic:
    """Where a reference does not repeat itself: how far it is off, and what no difference of the loss exceeds."""
    lines = [
        f"{each.probe.name}, seed {cell.seed}: loss {', '.join(loss_floor(cell))}, "
        f"from {counted(cell.verdict.repetitions, 'repetition')}"
        for each in result.probes
        for cell in each.cells
        if cell.verdict is not None and loss_floor(cell)
    ]
    count = f"{counted(len(lines), 'cell')} with a reference that does not repeat itself"
    return Topic(title="noise floor", count=count, lines=(*lines,))


def _goldens(result: RunResult) -> Topic:
    said = [
        (f"{probe.probe.name}, {line}", moved)
        for probe in result.probes
        for line, moved in golden_lines(probe, result.goldens)
    ]
    lines = [line for line, _ in said]
    lines += [line for line in (absent_line(result.goldens), *passed_over_lines(result.goldens)) if line]
    if result.goldens is None or not (result.goldens.drifts or result.goldens.decides):
        return Topic(title="golden files", count="", lines=())
    compared = len(result.goldens.drifts)
    moved = len(result.goldens.moved)
    parts = [f"{counted(compared, 'reference')} compared, {moved or 'none'} moved"] if compared else []
    parts += [f"{len(lines) - len(said)} not compared"] if len(lines) > len(said) else []
    count = "; ".join(parts)
    return Topic(
        title="golden files",
        count=count,
        lines=(*lines,),
        is_warning=any(moved for _, moved in said),
        decides=bool(result.moved),
    )


def _canaries(result: RunResult) -> Topic:
    board = result.canaries
    if board is None:
        return Topic(title="known faults", count="", lines=())
    lines = [f"{each.canary.name} ({each.canary.fault}): {each.status}" for each in board.scores]
    return Topic(title="known faults", count=f"{board.caught} of {len(board.faults)} caught", lines=(*lines,))


def _faults_not_run(board: Scoreboard) -> Iterator[str]:
    """Which known faults prove nothing, and why."""
    for each in board.having(CanaryStatus.NOT_RUN):
        yield f"{each.canary.name}: {each.reason}"
    yield from board.identical.not_run


def _outcomes(result: RunResult) -> Iterator[str]:
    for probe in result.probes:
        for name, outcome in probe.outcomes.items():
            lines = [f"{probe.mark(name)}{name} {outcome.kind}: {outcome.reason}", *discordant(outcome)]
            yield f"{probe.probe.name}: {'; '.join(lines)}"


def _blind_spots(result: RunResult) -> Topic:
    """What passing probes could not show; probes with the same spots are named together."""
    texts = {
        probe.probe.name: blind_spots(probe.blind_spots)
        for probe in result.probes
        if probe.kind.passes and probe.blind_spots
    }
    lines = []
    for text in dict.fromkeys(texts.values()):
        names = [name for name, said in texts.items() if said == text]
        named = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
        lines.append(f"{named} cannot show: {text}")
    count = f"{counted(len(texts), 'passing probe')} cannot show some kinds of difference"
    return Topic(title="blind spots", count=count, lines=(*lines,))
