"""A whole run: what is said of it, and the exit status that follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.errors import ExitStatus
from parity.probe.values import VerdictKind
from parity.result import CellResult, ProbeResult, wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.blind import BlindSpot
    from parity.golden.drift import Checked
    from parity.scoreboard.score import Scoreboard
    from parity.shard import Lacking, Shard


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """All probes of one call."""

    probes: tuple[ProbeResult, ...]
    interrupted: bool = False
    canaries: Scoreboard | None = None
    """Known faults that were run beside the probes; None where that was not asked for."""
    goldens: Checked | None = None
    """What goldens say of the references; None where there are none and nobody asked."""
    explanations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By probe name, as `parity.report.explanation.explanation_tree` makes them."""
    shard: Shard | None = None
    """Which share of a plan this is; None: all of it."""
    lacking: Lacking | None = None
    """What was missing of the shards that this was merged from; None: nothing."""
    postponed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By probe name, declared outcomes that decide nothing, since not all of their seeds are here."""

    @property
    def expected(self) -> bool:
        """Whether every expectation was met; a run of nothing, or an interrupted one, met none."""
        met = bool(self.probes) and not self.interrupted and all(probe.expected for probe in self.probes)
        return met and not self.moved and not self.lacking and (self.canaries is None or self.canaries.trusted)

    @property
    def awaited(self) -> tuple[ProbeResult, ...]:
        """The probes that it awaits."""
        return tuple(each for each in self.probes if self.awaits(each))

    @property
    def undecided(self) -> bool:
        """Whether nothing else than what was not run keeps this from a pass."""
        nothing_else = all(each.expected or self.awaits(each) for each in self.probes)
        return nothing_else and bool(self.awaited or self.lacking) and self.status is ExitStatus.UNDECIDED

    def awaits(self, probe: ProbeResult) -> bool:
        """Whether nothing is known of a probe but that seeds were not run, and why that was."""
        return probe.awaited and bool(probe.not_run or self.lacking)

    @property
    def controls(self) -> tuple[str, ...]:
        """The cells whose arms were trained once more without taps and ended alike, in words."""
        cells = [(probe.probe.name, cell) for probe in self.probes for cell in probe.cells if cell.controlled]
        return tuple(f"{name} (seed {cell.seed})" for name, cell in cells if cell.kind is not VerdictKind.INVALID)

    @property
    def moved(self) -> tuple[tuple[str, int], ...]:
        """The cells, by probe and seed, whose golden decides and is no longer what the reference computes."""
        return self.goldens.moved if self.goldens is not None and self.goldens.decides else ()

    @property
    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """What no probe of the run could have shown."""
        first = self.probes[0].blind_spots if self.probes else ()
        return tuple(spot for spot in first if all(spot in probe.blind_spots for probe in self.probes))

    @property
    def upstream(self) -> tuple[str, ...]:
        """What of the installed mlx-lm nobody has looked at, once."""
        return tuple(dict.fromkeys(line for probe in self.probes for cell in probe.cells for line in cell.upstream))

    @property
    def status(self) -> ExitStatus:
        """A missed canary outranks a finding, which outranks an arm that did not run, and that an open question.

        What the run says of its probes, for good or ill, was said by a gate that does not see what it must.
        """
        if self.interrupted:
            return ExitStatus.INTERRUPTED
        if self.canaries is not None and self.canaries.misjudged:
            return ExitStatus.CANARY_MISSED
        asked = {probe.status for probe in self.probes} | ({ExitStatus.UNEXPECTED} if self.moved else set())
        asked |= {ExitStatus.UNDECIDED} if self.lacking else set()
        asked |= {ExitStatus.NOT_RUN} if self.canaries is not None and self.canaries.not_run else set()
        order = (ExitStatus.UNEXPECTED, ExitStatus.NOT_RUN, ExitStatus.UNDECIDED)
        return next(
            (status for status in order if status in asked),
            ExitStatus.EXPECTED if self.probes else ExitStatus.UNDECIDED,
        )


def sentence(result: RunResult, *, named: int | None = None) -> str:
    """The run in one sentence, the verdict first; before it, of what it is said and whether it can be relied on.

    Args:
        result: of the run.
        named: how many of the probes that are not as expected are named; None: all of them.

    """
    return f"{_of_what(result)}{_with_canaries(result, named)}"


def _of_what(result: RunResult) -> str:
    """Which share this is, or which are missing: a part never reads like the whole."""
    if result.shard is not None:
        return f"Shard {result.shard.number} of {result.shard.of}. "
    lacking = result.lacking
    if lacking is None:
        return ""
    gone = [(lacking.missing, "missing"), (lacking.incomplete, "incomplete")]
    said = " and ".join(f"{_shards(numbers, lacking.of)} {what}" for numbers, what in gone if numbers)
    cells = sum(len(each.probe.workload.seeds) for each in result.probes)
    left = sum(len(each.missing) for each in result.probes)
    count = f": {left} of {cells} cells {'was' if left == 1 else 'were'} not run" if left else ""
    return f"{said[0].upper()}{said[1:]}{count}. "


def _shards(numbers: Sequence[int], of: int) -> str:
    *others, last = map(str, numbers)
    return f"shards {', '.join(others)} and {last} of {of} are" if others else f"shard {last} of {of} is"


def _with_canaries(result: RunResult, named: int | None) -> str:
    canaries, of_probes = result.canaries, _of_probes(result, named)
    if canaries is None or result.interrupted:
        return of_probes
    if canaries.misjudged:
        return f"Not to be relied on: the harness misjudged {', '.join(canaries.misjudged)}. {of_probes}"
    if canaries.not_run:
        faults = "known fault" if canaries.not_run == 1 else "known faults"
        return f"{of_probes} {canaries.not_run} {faults} could not be put in."
    were = "was" if canaries.caught == 1 else "were"
    return f"{of_probes} {canaries.caught} of {len(canaries.faults)} known faults {were} caught beside."


def _of_probes(result: RunResult, named: int | None) -> str:
    total = len(result.probes)
    met = [probe for probe in result.probes if probe.expected]
    if result.interrupted:
        return f"Interrupted: {len(met)} of {_probes(total)} finished as expected."
    awaited = result.awaited
    others = [probe for probe in result.probes if not probe.expected and not result.awaits(probe)]
    if total and not others and not result.moved:
        if awaited or result.lacking:
            return _not_decided(result, met)
        return f"As expected: {_probes(total)}, {_kinds(met)}."
    said = [_as_found(each) for each in others[:named]]
    said += [f"{'and ' if said else ''}{len(others) - len(said)} more"] if len(said) < len(others) else []
    found = [f"{len(others)} of {_probes(total)}. {'; '.join(said)}."] if others or not total else []
    found += [_as_moved(result.moved, result.goldens)] if result.moved else []
    found += [f"{_as_awaited(awaited, total)}."] if awaited else []
    return f"Not as expected: {' '.join(found)}"


def _not_decided(result: RunResult, met: Sequence[ProbeResult]) -> str:
    if not result.awaited:
        return f"Not decided: all that is there is as expected, {_probes(len(met))}, {_kinds(met)}."
    rest = "the other is" if len(met) == 1 else f"the other {len(met)} are"
    said = f"; {rest} as expected: {_kinds(met)}" if met else ""
    return f"Not decided: {_as_awaited(result.awaited, len(result.probes))}{said}."


def _as_awaited(awaited: Sequence[ProbeResult], total: int) -> str:
    """How many probes were not run, by what kept them from it."""
    reasons = Counter(f": {probe.not_run}" if probe.not_run else " at every seed" for probe in awaited)
    return "; ".join(
        f"{count} of {_probes(total)} {'was' if count == 1 else 'were'} not run{why}" for why, count in reasons.items()
    )


def _probes(count: int) -> str:
    return f"{count} {'probe' if count == 1 else 'probes'}"


def _kinds(met: Sequence[ProbeResult]) -> str:
    return " and ".join(f"{count} {what}" for what, count in Counter(map(_as_expected, met)).items())


def _as_moved(moved: Sequence[tuple[str, int]], goldens: Checked | None) -> str:
    name, seed = moved[0]
    compared = 0 if goldens is None else len(goldens.drifts)
    first = f"first {name} (seed {seed})"
    return f"the environment moved: {len(moved)} of {compared} references differ from their goldens, {first}."


def _as_expected(result: ProbeResult) -> str:
    return f"{result.kind}, as declared" if result.kind is VerdictKind.DIVERGED else str(result.kind)


def _as_found(result: ProbeResult) -> str:
    odd: Sequence[CellResult] = [cell for cell in result.cells if not cell.meets(result.probe.expect)]
    reasons = ["not every seed was run"] if result.missing and not odd else []
    reasons += [f"{cell.reason if cell.verdict else 'an arm did not run'} (seed {cell.seed})" for cell in odd[:1]]
    reasons += [_outcome_found(result, name) for name in result.unmet_outcomes]
    kind = odd[0].kind if result.missing and odd else result.kind
    found = f"{result.probe.name} is {kind}, {'; '.join(reasons)}"
    return f"{found}, where {wanted(result.probe.expect)} was expected"


def _outcome_found(result: ProbeResult, name: str) -> str:
    if name not in result.outcomes:
        return f"{name} was not measured"
    return f"{name} is {result.outcomes[name].kind}"
