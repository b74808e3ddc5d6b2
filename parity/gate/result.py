"""A whole run as a value, and the exit status that follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.errors import ExitStatus
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.golden.drift import Checked
    from parity.judge.blind_spots import BlindSpot
    from parity.judge.result import ProbeResult
    from parity.probe.shard import MissingShards, Shard
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
    """By probe name, as `parity.explain.report.explanation_tree` makes them."""
    shard: Shard | None = None
    """Which share of a plan this is; None: all of it."""
    missing_shards: MissingShards | None = None
    """What was missing of the shards that this was merged from; None: nothing."""
    postponed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By probe name, declared outcomes that decide nothing, since not all of their seeds are here."""

    @property
    def expected(self) -> bool:
        """Whether every expectation was met; a run of nothing, or an interrupted one, met none."""
        met = bool(self.probes) and not self.interrupted and all(probe.expected for probe in self.probes)
        return met and not self.moved and not self.missing_shards and (self.canaries is None or self.canaries.trusted)

    @property
    def pending(self) -> tuple[ProbeResult, ...]:
        """The probes that it awaits."""
        return tuple(each for each in self.probes if self.is_pending(each))

    @property
    def undecided(self) -> bool:
        """Whether nothing else than what was not run keeps this from a pass."""
        nothing_else = all(each.expected or self.is_pending(each) for each in self.probes)
        return nothing_else and bool(self.pending or self.missing_shards) and self.status is ExitStatus.UNDECIDED

    def is_pending(self, probe: ProbeResult) -> bool:
        """Whether nothing is known of a probe but that seeds were not run, and why that was."""
        return probe.pending and bool(probe.not_run or self.missing_shards)

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
        asked |= {ExitStatus.UNDECIDED} if self.missing_shards else set()
        asked |= {ExitStatus.NOT_RUN} if self.canaries is not None and self.canaries.not_run else set()
        order = (ExitStatus.UNEXPECTED, ExitStatus.NOT_RUN, ExitStatus.UNDECIDED)
        return next(
            (status for status in order if status in asked),
            ExitStatus.EXPECTED if self.probes else ExitStatus.UNDECIDED,
        )
