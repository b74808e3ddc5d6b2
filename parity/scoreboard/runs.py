"""Runs canaries as ordinary probes: their ground is the reference, recorded once, and each is a candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from parity.assess import assess
from parity.diff import diff, recording
from parity.errors import BadTraceError, ParityError
from parity.lent import LENT, lend_reference
from parity.probe.values import Arm, Expectation, Probe, VerdictKind
from parity.rundir import cell_folder
from parity.scoreboard.score import PASSES
from parity.tracefile import read_trace, trace_path
from parity.verdict import first_divergence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.canaries.ground import Ground
    from parity.lent import Run
    from parity.result import CellResult
    from parity.verdict import FirstDivergence


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One changed provider on its ground."""

    provider: str
    on: Ground
    repeats: bool = False
    """Whether the reference runs again after it, in its process: what it leaves behind shows in nothing else."""

    @property
    def probe(self) -> Probe:
        """The ground against the changed provider, all else equal."""
        return against(self.on, self.provider, name=self.provider)


def ground_probe(ground: Ground) -> Probe:
    """A ground against itself."""
    return against(ground, ground.provider, name=f"ground/{ground.name}")


def against(ground: Ground, provider: str, *, name: str) -> Probe:
    """A ground against another provider that does everything else as it does."""
    reference = Arm(provider=ground.provider, settings=ground.settings, stages=ground.stages)
    return Probe(
        name=name,
        question=f"Is {name} seen?",
        workload=ground.workload,
        reference=reference,
        candidate=replace(reference, provider=provider),
        expect=Expectation(verdict=VerdictKind.IDENTICAL),
    )


def check_grounds(grounds: Iterable[Ground]) -> None:
    """Says it before anything is run.

    Raises:
        ParityError: the tiny model or its data is missing.

    """
    for ground in grounds:
        for needed in (ground.workload.model, ground.workload.data):
            if not Path(needed).is_dir():
                raise ParityError(f"{needed}: no such folder; canaries need the fixtures of the project's clone")


def run_trials(trials: Sequence[Trial], folder: Path, run: Run) -> None:
    """Runs the grounds that are not recorded yet, then every trial against its own."""
    grounds = {trial.on.name: trial.on for trial in trials}.values()
    if fresh := [probe for probe in map(ground_probe, grounds) if not _cell(folder, probe).exists()]:
        run(fresh, folder)
    ready = [trial for trial in trials if not _unfit(ground_result(folder, trial.on))]
    for trial in ready:
        recorded, own = _cell(folder, ground_probe(trial.on)), _cell(folder, trial.probe)
        lend_reference(recorded, own, trial.probe.name, LENT[:1] if trial.repeats else LENT)
    if ready:
        run([trial.probe for trial in ready], folder)


def ground_result(folder: Path, ground: Ground) -> CellResult:
    """What was said of a ground against itself."""
    return _assessed(folder, ground_probe(ground))


def trial_result(folder: Path, trial: Trial) -> CellResult:
    """What was said of a changed provider; nothing where its ground is not equal to itself: all is caught there."""
    ground = ground_result(folder, trial.on)
    if _unfit(ground):
        return replace(ground, verdict=None, failure=f"ground {trial.on.name} is {ground.kind}: {ground.reason}")
    return _assessed(folder, trial.probe)


def _unfit(ground: CellResult) -> bool:
    return ground.kind not in PASSES


def left_behind(folder: Path, trial: Trial) -> FirstDivergence | None:
    """Where the reference no longer repeats itself after the changed provider."""
    cell = _cell(folder, trial.probe)
    try:
        first, again = (recording(read_trace(trace_path(cell, arm))) for arm in LENT)
    except BadTraceError:
        return None
    return first_divergence(diff(first, again).unequal)


def _assessed(folder: Path, probe: Probe) -> CellResult:
    (seed,) = probe.workload.seeds
    return assess(probe, seed, _cell(folder, probe))


def _cell(folder: Path, probe: Probe) -> Path:
    (seed,) = probe.workload.seeds
    return cell_folder(folder, probe, seed)
