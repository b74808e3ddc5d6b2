"""Runs probes, as `parity run` does, and keeps what was found as a value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from parity.conduct.probes import asked_for, checked_probes
from parity.conduct.run import carry_out, plan_run
from parity.errors import BadProbeError
from parity.store.lock import working_on
from parity.store.run import note_interrupted, read_run, write_reports
from parity.testing.text import of_run

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from parity.canaries.canary import Canary
    from parity.errors import ExitStatus
    from parity.gate.result import RunResult
    from parity.judge.verdict import FirstDivergence
    from parity.probe.values import Probe, VerdictKind

PathOf = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class JudgedCell:
    """One probe at one seed."""

    probe: str
    """Its name: that of its folder and of its file."""
    seed: int
    verdict: VerdictKind
    reason: str
    """One clause that can follow the verdict."""
    first_divergence: FirstDivergence | None
    """Step, stage, metric and both values; None if the arms do not differ."""
    expected: bool
    """Whether this is what the probe expects."""


@dataclass(frozen=True, kw_only=True)
class ProbeRun:
    """A run, as judged. As text it is its sentence, and a delta table for each probe that is not as expected."""

    result: RunResult
    folder: Path
    """Holds `report.html`, `report.md`, `results.json` and the traces."""

    @property
    def expected(self) -> bool:
        """Whether every expectation was met."""
        return self.result.expected

    @property
    def status(self) -> ExitStatus:
        """What `parity run` would have ended with."""
        return self.result.status

    @property
    def cells(self) -> tuple[JudgedCell, ...]:
        """Every probe at every seed that was run."""
        return tuple(
            JudgedCell(
                probe=each.probe.name,
                seed=cell.seed,
                verdict=cell.kind,
                reason=cell.reason,
                first_divergence=cell.first_divergence,
                expected=cell.meets(each.probe.expect),
            )
            for each in self.result.probes
            for cell in each.cells
        )

    def __str__(self) -> str:
        return of_run(self.result, self.folder)


def run_probes(
    paths: PathOf | Sequence[PathOf],
    *,
    seeds: Sequence[int] = (),
    steps: int | None = None,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    out: PathOf | None = None,
) -> ProbeRun:
    """Runs probes and judges them; each cell is a process of its own, so this one never imports MLX.

    Args:
        paths: a probe file or a folder of them, or several.
        seeds: seeds to run; empty: those of each probe.
        steps: number of steps; None: that of each probe.
        overrides: `key.key=value` strings with a TOML value, as `--set` takes them.
        jobs: cells to run at a time.
        out: a new folder for traces and reports; None: one in `reports`, named by the time.

    Raises:
        BadProbeError: a probe cannot be used; no cell was started.
        ParityError: `out` is not empty, or cannot be made.
        NotKeptError: something was run and cannot be written.
        KeyboardInterrupt: the user stopped it; what there is until then is kept in the folder.

    """
    named = [paths] if isinstance(paths, str | os.PathLike) else paths
    asked = asked_for(",".join(map(str, seeds)) if seeds else None, steps)
    probes = checked_probes([Path(path) for path in named], [*asked, *overrides])
    return run_checked(probes, jobs=jobs, out=None if out is None else Path(out))


def run_checked(
    probes: Sequence[Probe], *, jobs: int, out: Path | None, controls: Collection[tuple[str, int]] | None = None
) -> ProbeRun:
    """Runs probes that are checked, and writes the reports.

    Args:
        probes: checked probes.
        jobs: cells to run at a time.
        out: a new folder; None: one in `reports`, named by the time.
        controls: the cells that get a control; None: the first of every library.

    Raises:
        ParityError: `out` is not empty, or cannot be made.
        NotKeptError: something was run and cannot be written.
        KeyboardInterrupt: the user stopped it; what there is until then is kept in the folder.

    """
    planned = plan_run(probes, out=out, say=_not_told, controls=controls)
    with working_on(planned.folder):
        try:
            carry_out(planned, jobs=jobs, watch=_not_told, say=_not_told)
        except KeyboardInterrupt:
            note_interrupted(planned.folder)
            raise
    result = read_run(planned.folder, _no_canary)
    write_reports(planned.folder, result)
    return ProbeRun(result=result, folder=planned.folder)


def _not_told(_: object) -> None:
    """A test has no place to show how far a run is."""


def _no_canary(name: str) -> Canary:
    raise BadProbeError(f"no known fault {name!r} was run")
