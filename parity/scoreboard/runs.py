"""Runs canaries as ordinary probes: their ground is the reference, recorded once, and each is a candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import BadTraceError, ParityError
from parity.judge.cell import judge_cell
from parity.judge.diff import diff, recording
from parity.judge.verdict import first_divergence
from parity.probe.values import Arm, Expectation, Probe, VerdictKind
from parity.trace.cell import LENT, cell_folder, lend_reference, must_run, read_cell, trace_path
from parity.trace.file import read_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.canaries.ground import Ground
    from parity.judge.result import CellResult
    from parity.judge.verdict import FirstDivergence
    from parity.trace.cell import Run


@dataclass(frozen=True, kw_only=True)
class CanaryRun:
    """One changed provider on its ground."""

    provider: str
    on: Ground
    repeats: bool = False
    """Whether the reference runs again in its process: nothing else shows what the changed provider leaves behind."""

    @property
    def probe(self) -> Probe:
        """The ground against the changed provider, all else equal."""
        return against(self.on, self.provider, name=self.provider)


def ground_probe(ground: Ground) -> Probe:
    """A ground against itself."""
    return against(ground, ground.provider, name=f"ground/{ground.name}")


def against(ground: Ground, provider: str, *, name: str) -> Probe:
    """A ground against a candidate that differs from it only in the provider."""
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
    """Checks the files that grounds need, before anything is run.

    Raises:
        ParityError: the tiny model or its data is missing.

    """
    for ground in grounds:
        for needed in (ground.workload.model, ground.workload.data):
            if not Path(needed).is_dir():
                raise ParityError(f"{needed}: no such folder; canaries need it, so install mlx-parity again")


def run_changed(runs: Sequence[CanaryRun], folder: Path, run: Run) -> None:
    """Runs the grounds that are not recorded yet, then every changed provider that was not run against its ground."""
    grounds = {each.on.name: each.on for each in runs}.values()
    if fresh := [probe for probe in map(ground_probe, grounds) if must_run(_cell(folder, probe))]:
        run(fresh, folder)
    fit = [each for each in runs if not _unfit(ground_result(folder, each.on))]
    ready = [each for each in fit if must_run(_cell(folder, each.probe))]
    for each in ready:
        recorded, own = _cell(folder, ground_probe(each.on)), _cell(folder, each.probe)
        lend_reference(recorded, own, each.probe.name, LENT[:1] if each.repeats else LENT)
    if ready:
        run([each.probe for each in ready], folder)


def ground_result(folder: Path, ground: Ground) -> CellResult:
    """The result of a ground against itself."""
    return _assessed(folder, ground_probe(ground))


def result_of(folder: Path, run: CanaryRun) -> CellResult:
    """The result of a changed provider; no verdict if its ground differs from itself, where all would be caught."""
    ground = ground_result(folder, run.on)
    if _unfit(ground):
        return replace(ground, verdict=None, failure=f"ground {run.on.name} is {ground.kind}: {ground.reason}")
    return _assessed(folder, run.probe)


def _unfit(ground: CellResult) -> bool:
    return not ground.kind.passes


def left_behind(folder: Path, run: CanaryRun) -> FirstDivergence | None:
    """Where the reference first differs from its repetition, which ran after the changed provider; None: nowhere."""
    cell = _cell(folder, run.probe)
    try:
        first, again = (recording(read_trace(trace_path(cell, arm))) for arm in LENT)
    except BadTraceError:
        return None
    return first_divergence(diff(first, again).unequal)


def _assessed(folder: Path, probe: Probe) -> CellResult:
    (seed,) = probe.workload.seeds
    return judge_cell(probe, seed, read_cell(probe, seed, _cell(folder, probe)))


def _cell(folder: Path, probe: Probe) -> Path:
    (seed,) = probe.workload.seeds
    return cell_folder(folder, probe, seed)
