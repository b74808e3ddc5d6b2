"""A whole run as a value, and the exit status that follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.errors import ExitStatus
from parity.judge.control import ControlStatus
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
    """Known faults that were also run; None where that was not asked for."""
    goldens: Checked | None = None
    """The references against their golden files; None where there are none and nobody asked."""
    explanations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By probe name, as `parity.explain.report.explanation_tree` makes them."""
    shard: Shard | None = None
    """Which share of the cells this is; None: all of them."""
    missing_shards: MissingShards | None = None
    """Which shards this was merged without; None: none is missing."""
    missing_pieces: tuple[str, ...] = ()
    """What the plan of the run promises and its folder does not hold, in words; never a pass."""
    postponed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By probe name, declared outcomes that are not judged, since not all of their seeds are here."""

    @property
    def asked(self) -> tuple[ProbeResult, ...]:
        """The probes that were read from files; the others are rests of these."""
        return tuple(each for each in self.probes if not each.probe.rest_of)

    @property
    def rests(self) -> tuple[ProbeResult, ...]:
        """The rests of declared divergences."""
        return tuple(each for each in self.probes if each.probe.rest_of)

    @property
    def expected(self) -> bool:
        """Whether the run passes. A run without probes does not, nor does one that was interrupted."""
        met = bool(self.probes) and not self.interrupted and all(probe.expected for probe in self.probes)
        return met and not self.moved and not self.lacks and (self.canaries is None or self.canaries.trusted)

    @property
    def pending(self) -> tuple[ProbeResult, ...]:
        """The probes that are not decided because they were not run."""
        return tuple(each for each in self.probes if self.is_pending(each))

    @property
    def undecided(self) -> bool:
        """True if the only thing missing for a pass is probes that were not run."""
        only_pending = all(each.expected or self.is_pending(each) for each in self.probes)
        return only_pending and bool(self.pending or self.lacks) and self.status is ExitStatus.UNDECIDED

    @property
    def lacks(self) -> bool:
        """Whether a part of the run is missing, of its shards or of what its plan promises."""
        return bool(self.missing_shards or self.missing_pieces)

    def is_pending(self, probe: ProbeResult) -> bool:
        """Whether a probe is undecided only because seeds were not run, for a known reason."""
        return probe.pending and bool(probe.not_run or self.missing_shards)

    def controls(self, status: ControlStatus) -> tuple[str, ...]:
        """The cells whose control showed this, as text; of invalid cells a control proves nothing."""
        return tuple(
            f"{probe.probe.name} (seed {cell.seed}){'' if status is ControlStatus.SAME else f': {cell.control.said}'}"
            for probe in self.probes
            for cell in probe.cells
            if cell.control is not None and cell.control.status is status and cell.kind is not VerdictKind.INVALID
        )

    @property
    def moved(self) -> tuple[tuple[str, int], ...]:
        """The cells, by probe and seed, whose reference differs from a golden file that decides."""
        return self.goldens.moved if self.goldens is not None and self.goldens.decides else ()

    @property
    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """Blind spots that all probes of the run share."""
        first = self.probes[0].blind_spots if self.probes else ()
        return tuple(spot for spot in first if all(spot in probe.blind_spots for probe in self.probes))

    @property
    def upstream(self) -> tuple[str, ...]:
        """Functions of the installed mlx-lm that differ from the reviewed ones, each once."""
        return tuple(dict.fromkeys(line for probe in self.probes for cell in probe.cells for line in cell.upstream))

    @property
    def status(self) -> ExitStatus:
        """A missed canary outranks a finding; that outranks an arm that did not run; that outranks an open question.

        A gate that misses a known fault cannot be trusted, whatever it says of the probes.
        """
        if self.interrupted:
            return ExitStatus.INTERRUPTED
        if self.canaries is not None and self.canaries.misjudged:
            return ExitStatus.CANARY_MISSED
        asked = {probe.status for probe in self.probes} | ({ExitStatus.UNEXPECTED} if self.moved else set())
        asked |= {ExitStatus.UNDECIDED} if self.lacks else set()
        asked |= {ExitStatus.NOT_RUN} if self.canaries is not None and self.canaries.not_run else set()
        order = (ExitStatus.UNEXPECTED, ExitStatus.NOT_RUN, ExitStatus.UNDECIDED)
        return next(
            (status for status in order if status in asked),
            ExitStatus.EXPECTED if self.probes else ExitStatus.UNDECIDED,
        )
