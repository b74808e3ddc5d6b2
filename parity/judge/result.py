"""The result of one cell, and of one probe over its seeds, and whether it was expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.errors import ExitStatus
from parity.metrics import RANDOM, Stage
from parity.probe.values import Expectation, Probe, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parity.judge.blind_spots import BlindSpot
    from parity.judge.control import Controlled
    from parity.judge.curves import Curve
    from parity.judge.effective import Difference, Warned
    from parity.judge.outcomes import Rates, Shift
    from parity.judge.verdict import FirstDivergence, Verdict
    from parity.probe.values import ArmName
    from parity.trace.values import Executed

_GRAVEST_FIRST = (
    VerdictKind.INVALID,
    VerdictKind.DIVERGED,
    VerdictKind.INCONCLUSIVE,
    VerdictKind.WITHIN,
    VerdictKind.IDENTICAL,
)


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """One probe at one seed."""

    seed: int
    steps: int
    """Steps of the reference that were recorded."""
    verdict: Verdict | None
    """None where an arm could not be run."""
    failure: str = ""
    """Why an arm could not be run."""
    note: str = ""
    """What does not change the verdict but should be known, such as a crash after the last step."""
    differences: tuple[Difference, ...] = ()
    """Effective settings that differ between the two arms."""
    warnings: tuple[Warned, ...] = ()
    """Settings that an arm asked for and its library ignored."""
    blind: tuple[BlindSpot, ...] = ()
    """Blind spots that only the run of this cell could tell."""
    alarms: tuple[str, ...] = ()
    """What is suspicious in an arm by itself, after its name."""
    random: Mapping[str, int] = field(default_factory=dict)
    """By library, the first step after which the state of its random generator differs; empty if it never does."""
    control: Controlled | None = None
    """What the control showed; None if there was none."""
    lent_by: str = ""
    """The probe whose cell trained the reference, at this seed; empty: this cell did."""
    upstream: tuple[str, ...] = ()
    """What of the installed mlx-lm was not reviewed."""
    executed: Mapping[ArmName, tuple[Executed, ...]] = field(default_factory=dict)
    """The code that the reference and the candidate executed, file by file."""
    same_code: str = ""
    """Why arms of different providers cannot be told apart: nothing was compared then, and no fault caught."""
    strays: tuple[str, ...] = ()
    """Executed code from outside its distribution's installation."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Where it ran, from the candidate's trace."""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    """What is drawn, by metric."""
    outcomes: tuple[Mapping[str, float | bool | str], Mapping[str, float | bool | str]] = ({}, {})
    """The outcomes of the trained reference and candidate, if the probe asks for them."""

    @property
    def kind(self) -> VerdictKind:
        """The verdict; a cell that did not run is invalid."""
        return VerdictKind.INVALID if self.verdict is None else self.verdict.kind

    @property
    def reason(self) -> str:
        """One clause that can follow the verdict."""
        return self.failure if self.verdict is None else self.verdict.reason

    @property
    def first_divergence(self) -> FirstDivergence | None:
        """Where the two arms first diverge; None if they do not, or if one did not run."""
        return None if self.verdict is None else self.verdict.first_divergence

    def meets(self, expect: Expectation) -> bool:
        """Whether this is the declared verdict, starting at the declared stage and step."""
        at = self.first_divergence
        return (
            self.verdict is not None
            and self.kind is expect.verdict
            and all(self._is_equal(metric) for metric in expect.equal)
            and (expect.stage is None or (at is not None and at.stage is expect.stage))
            and (expect.step is None or (at is not None and at.step == expect.step))
        )

    def _is_equal(self, metric: str) -> bool:
        if metric == RANDOM:
            return not self.random
        return self.verdict is not None and self.verdict.is_equal(metric)


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """One probe over its seeds."""

    probe: Probe
    cells: tuple[CellResult, ...]
    """In the order of the seeds; a seed that was never started has none."""
    blind: tuple[BlindSpot, ...] = ()
    """Blind spots of the workload that were known before the run."""
    not_run: str = ""
    """Why some of its cells were not started, if that is neither a pass nor a fail."""
    outcomes: Mapping[str, Rates | Shift] = field(default_factory=dict)
    """The outcomes of the trained models, judged over the seeds."""

    @property
    def missing(self) -> tuple[int, ...]:
        """Seeds that were asked for and have no result."""
        done = {cell.seed for cell in self.cells}
        return tuple(seed for seed in self.probe.workload.seeds if seed not in done)

    @property
    def kind(self) -> VerdictKind:
        """The gravest verdict of its cells; not run or invalid if a seed is missing."""
        if self.missing:
            return VerdictKind.NOT_RUN if self.not_run and not self.cells else VerdictKind.INVALID
        return gravest(cell.kind for cell in self.cells)

    @property
    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """The blind spots that this probe has at every seed, in the order of the stages."""
        first = self.cells[0].blind if self.cells else ()
        at_every_seed = [spot for spot in first if all(spot in cell.blind for cell in self.cells)]
        return tuple(sorted([*self.blind, *at_every_seed], key=lambda spot: list(Stage).index(spot.stage)))

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """The ignored settings of an arm at any seed, each once."""
        every = [warned for cell in self.cells for warned in cell.warnings]
        return tuple(warned for position, warned in enumerate(every) if warned not in every[:position])

    @property
    def shown(self) -> CellResult | None:
        """The cell to look at first: the first unexpected one, or else the first."""
        odd = (cell for cell in self.cells if not cell.meets(self.probe.expect))
        return next(odd, next(iter(self.cells), None))

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where it ran, from the first candidate trace that could be read."""
        return next((cell.provenance for cell in self.cells if cell.provenance), {})

    @property
    def strays(self) -> tuple[str, ...]:
        """Executed code from outside its distribution's installation at any seed, each line once."""
        return tuple(dict.fromkeys(line for cell in self.cells for line in cell.strays))

    @property
    def expected(self) -> bool:
        """Whether every seed, and the outcomes over all seeds, met the expectation."""
        return not self.missing and self._every_cell_met and not self.unmet_outcomes

    @property
    def pending(self) -> bool:
        """Whether seeds that were not run are all that is missing for a pass of its cells."""
        return bool(self.missing) and self._every_cell_met

    @property
    def _every_cell_met(self) -> bool:
        return all(cell.meets(self.probe.expect) for cell in self.cells)

    @property
    def unexpected_divergence(self) -> int | None:
        """The first seed at which the arms diverge unexpectedly, or not at the expected place; None: at none."""
        odd = (cell for cell in self.cells if not cell.meets(self.probe.expect))
        return next((cell.seed for cell in odd if cell.kind is VerdictKind.DIVERGED), None)

    @property
    def unmet_outcomes(self) -> tuple[str, ...]:
        """Outcomes whose verdict is not the declared one."""
        wanted = self.probe.expect.outcomes.items()
        return tuple(name for name, kind in wanted if name not in self.outcomes or self.outcomes[name].kind is not kind)

    def declares(self, outcome: str) -> bool:
        """Whether the probe declares a verdict on an outcome; only then does the outcome decide."""
        return outcome in self.probe.expect.outcomes

    def mark(self, outcome: str) -> str:
        """`✓ ` or `✗ ` for an outcome with a declared verdict; empty for others."""
        return ("✗ " if outcome in self.unmet_outcomes else "✓ ") if self.declares(outcome) else ""

    @property
    def status(self) -> ExitStatus:
        """The exit status of a run of this probe alone."""
        if self.expected:
            return ExitStatus.EXPECTED
        unmet = [cell for cell in self.cells if not cell.meets(self.probe.expect)]
        undecided = {VerdictKind.INVALID, VerdictKind.INCONCLUSIVE}
        found = [self.outcomes[name].kind for name in self.unmet_outcomes if name in self.outcomes]
        if any(kind not in undecided for kind in (*(cell.kind for cell in unmet), *found)):
            return ExitStatus.UNEXPECTED
        return ExitStatus.NOT_RUN if any(cell.failure for cell in unmet) else ExitStatus.UNDECIDED


def gravest(kinds: Iterable[VerdictKind]) -> VerdictKind:
    """The gravest of some verdicts, of which there is at least one."""
    found = set(kinds)
    return next(kind for kind in _GRAVEST_FIRST if kind in found)


def wanted(expect: Expectation) -> str:
    """An expectation in words: `diverged at step 1, stage loss, batch equal throughout`."""
    equal = [f"{', '.join(expect.equal)} equal throughout"] if expect.equal else []
    return ", ".join([in_short(expect), *equal])


def in_short(expect: Expectation) -> str:
    """The same without the metrics that must be equal: `diverged at step 1, stage loss`."""
    places = [f"step {expect.step}"] if expect.step is not None else []
    places += [f"stage {expect.stage}"] if expect.stage is not None else []
    said = " ".join([str(expect.verdict), *(["at " + ", ".join(places)] if places else [])])
    return ", ".join([said, *(f"{name} {kind}" for name, kind in expect.outcomes.items())])
