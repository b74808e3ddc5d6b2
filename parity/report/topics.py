"""What else is known of a run, as values: a count by topic and the lines that it counts; every report shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.judge.control import ControlStatus
from parity.judge.tolerance import doubts
from parity.probe.values import VerdictKind
from parity.report.golden import absent_line, golden_lines, passed_over_lines
from parity.report.wording import blind_spots, counted, discordant, loss_floor, postponed
from parity.scoreboard.score import CanaryStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.gate.result import RunResult
    from parity.scoreboard.score import Scoreboard

_CONTROLS = {
    ControlStatus.SAME: "same final parameters",
    ControlStatus.WITHIN: "within the noise",
    ControlStatus.UNDECIDED: "not checked",
}
"""What controls showed that do not make a cell invalid."""


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Something else that is known of the run: a count, and the lines that it counts."""

    title: str
    count: str
    lines: tuple[str, ...]
    is_warning: bool = False
    decides: bool = False
    """Whether the run is not as expected because of it: then its lines are always shown."""


def topics(result: RunResult) -> list[Topic]:
    """What else is known, the warnings first; what there is nothing of is left out."""
    return [topic for topic in _topics(result) if topic.lines]


def _topics(result: RunResult) -> Iterator[Topic]:
    yield from _warnings(result)
    for status, showed in _CONTROLS.items():
        controls = result.controls(status)
        count = f"{counted(len(controls), 'cell')} trained again without the tap: {showed}"
        yield Topic(title="controls", count=count, lines=controls, is_warning=status is ControlStatus.UNDECIDED)
    rests = [f"{each.probe.rest_of} differs in nothing but what it declares" for each in result.rests if each.expected]
    count = f"{counted(len(rests), 'declared divergence')}: nothing else differs"
    yield Topic(title="rests", count=count, lines=(*rests,))
    yield _lent(result)
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
    declared = [each.probe for each in result.asked if each.probe.expect.verdict is VerdictKind.DIVERGED]
    hiding = [probe.name for probe in declared if not probe.expect.only]
    count = f"{counted(len(hiding), 'declared divergence')} that may hide another: without `only`"
    yield Topic(title="hidden", count=count, lines=(*hiding,), is_warning=True)
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
    alarms = {
        f"{each.probe.name}, {alarm}": None for each in result.asked for cell in each.cells for alarm in cell.alarms
    }
    count = f"{counted(len(alarms), 'alarm')} of an arm by itself"
    yield Topic(title="alarms", count=count, lines=(*alarms,), is_warning=True)
    parted = [
        f"{each.probe.name}, seed {cell.seed}: {library} from step {first}"
        for each in result.asked
        for cell in each.cells
        for library, first in cell.random.items()
    ]
    count = f"{counted(len(parted), 'generator')} of random numbers in another state"
    yield Topic(title="random", count=count, lines=(*parted,))
    functions = result.upstream
    count = f"{counted(len(functions), 'function')} of mlx-lm changed since we looked"
    yield Topic(title="upstream", count=count, lines=functions, is_warning=True)


def _lent(result: RunResult) -> Topic:
    """Which cells have a reference that another one trained: the lender, then its borrowers."""
    borrowers: dict[tuple[str, int], list[str]] = {}
    for each in result.probes:
        for cell in each.cells:
            if cell.lent_by:
                borrowers.setdefault((cell.lent_by, cell.seed), []).append(each.probe.name)
    lines = [f"{lender}, seed {seed}, for {', '.join(names)}" for (lender, seed), names in borrowers.items()]
    count = f"{counted(sum(map(len, borrowers.values())), 'cell')} with a reference that another one trained"
    return Topic(title="shared", count=count, lines=(*lines,))


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
