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

    @property
    def expected(self) -> bool:
        """Whether every expectation was met; a run of nothing, or an interrupted one, met none."""
        met = bool(self.probes) and not self.interrupted and all(probe.expected for probe in self.probes)
        return met and not self.moved and (self.canaries is None or self.canaries.trusted)

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
        asked |= {ExitStatus.NOT_RUN} if self.canaries is not None and self.canaries.not_run else set()
        order = (ExitStatus.UNEXPECTED, ExitStatus.NOT_RUN, ExitStatus.UNDECIDED)
        return next(
            (status for status in order if status in asked),
            ExitStatus.EXPECTED if self.probes else ExitStatus.UNDECIDED,
        )


def sentence(result: RunResult, *, named: int | None = None) -> str:
    """The run in one sentence, the verdict first; before it, if that is so, that the verdict cannot be relied on.

    Args:
        result: of the run.
        named: how many of the probes that are not as expected are named; None: all of them.

    """
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
    met = sum(probe.expected for probe in result.probes)
    plural = "probe" if total == 1 else "probes"
    if result.interrupted:
        return f"Interrupted: {met} of {total} {plural} finished as expected."
    others = [probe for probe in result.probes if not probe.expected]
    if total and not others and not result.moved:
        kinds = Counter(_as_expected(probe) for probe in result.probes)
        parts = " and ".join(f"{count} {what}" for what, count in kinds.items())
        return f"As expected: {total} {plural}, {parts}."
    said = [_as_found(each) for each in others[:named]]
    said += [f"{'and ' if said else ''}{len(others) - len(said)} more"] if len(said) < len(others) else []
    found = [f"{len(others)} of {total} {plural}. {'; '.join(said)}."] if others or not total else []
    found += [_as_moved(result.moved, result.goldens)] if result.moved else []
    return f"Not as expected: {' '.join(found)}"


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
    found = f"{result.probe.name} is {result.kind}, {'; '.join(reasons)}"
    return f"{found}, where {wanted(result.probe.expect)} was expected"


def _outcome_found(result: ProbeResult, name: str) -> str:
    if name not in result.outcomes:
        return f"{name} was not measured"
    return f"{name} is {result.outcomes[name].kind}"
