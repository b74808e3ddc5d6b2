"""One release after the other put beside the same others, at several seeds, and what was run is kept."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from parity.bisect.search import Answer
from parity.errors import MachineError, NotInstallableError, UnavailableError
from parity.judge.cell import judge_cell
from parity.probe.values import VerdictKind
from parity.trace.cell import LOG, cell_folder, forget_half, must_run, read_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from parity.judge.result import CellResult
    from parity.judge.verdict import FirstDivergence
    from parity.probe.values import Probe, Stage

_ANSWERS = {
    VerdictKind.IDENTICAL: Answer.GOOD,
    VerdictKind.WITHIN: Answer.GOOD,
    VerdictKind.DIVERGED: Answer.BAD,
    VerdictKind.INCONCLUSIVE: Answer.SKIPPED,
    VerdictKind.INVALID: Answer.SKIPPED,
}
_FULL = os.strerror(errno.ENOSPC)


@dataclass(frozen=True, kw_only=True)
class ReleaseResult:
    """What one release says."""

    release: str
    """Or the path of a checkout."""
    answer: Answer
    verdict: VerdictKind
    """The one that decided."""
    why: str
    """In a clause, what the verdict rests on, or why it could not be tested."""
    seeds: tuple[int, ...] = ()
    """That were judged; after one that is not good no other is asked."""
    first_divergence: FirstDivergence | None = None
    seconds: float = 0.0
    """That it took now: next to none where its cells were kept from before."""

    @property
    def is_skipped(self) -> bool:
        """Whether it could not be tested."""
        return self.answer is Answer.SKIPPED


class Lab(Protocol):
    """What prepares environments and runs cells."""

    def prepare(self, probe: Probe) -> None:
        """Builds the environment of a probe. Raises UnavailableError where it cannot be had."""
        ...

    def run(self, probe: Probe, folder: Path) -> Sequence[CellResult]:
        """Runs a probe at all its seeds and judges them. Raises KeyboardInterrupt where the user stops it."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReleaseTester:
    """A probe under any release of one package."""

    probe: Probe
    """At the seeds that all must be good."""
    package: str
    beside: Mapping[str, str]
    """The releases of everything else, the same in every trial."""
    folder: Path
    lab: Lab
    together: int = 1
    """Cells side by side."""
    stage: Stage | None = None
    """Only a first divergence at this stage is bad."""

    def test(self, release: str, kept_as: str | None = None) -> ReleaseResult:
        """Tries a release, or what lies at a path.

        Args:
            release: what the package is pinned to.
            kept_as: the name of its folder, where that is not the release.

        Raises:
            MachineError: there is no network or no space, which says nothing of the release.

        """
        started = time.monotonic()
        probe = replace(self.probe, environment={**self.beside, self.package: release}, outcomes=None)
        try:
            self.lab.prepare(probe)
        except MachineError:
            raise
        except UnavailableError as error:
            why = f"not installable: {error.why}" if isinstance(error, NotInstallableError) else str(error)
            return ReleaseResult(release=release, answer=Answer.SKIPPED, verdict=VerdictKind.INVALID, why=why)
        cells = self._cells(probe, self.folder / (kept_as or release))
        return replace(judged(release, cells, self.stage), seconds=time.monotonic() - started)

    def _cells(self, probe: Probe, folder: Path) -> list[CellResult]:
        """So many seeds at a time, until one is not good."""
        seeds = probe.workload.seeds
        cells: list[CellResult] = []
        for start in range(0, len(seeds), self.together):
            cells += self._at(probe, seeds[start : start + self.together], folder)
            if any(answer(cell, self.stage) is not Answer.GOOD for cell in cells):
                break
        return cells

    def _at(self, probe: Probe, seeds: Sequence[int], folder: Path) -> list[CellResult]:
        """Cells that have ended are judged again; others are run."""
        where = {seed: cell_folder(folder, probe, seed) for seed in seeds}
        found: dict[int, CellResult] = {}
        if fresh := tuple(seed for seed in seeds if must_run(where[seed])):
            asked = replace(probe, workload=replace(probe.workload, seeds=fresh))
            try:
                found = {cell.seed: cell for cell in self.lab.run(asked, folder)}
            except OSError:
                for seed in fresh:
                    forget_half(where[seed])
                raise
        cells = [found.get(seed) or judge_cell(probe, seed, read_cell(probe, seed, where[seed])) for seed in seeds]
        for cell in cells:
            if cell.failure and _met_a_full_disk(cell, where[cell.seed]):
                forget_half(where[cell.seed])
                raise MachineError(f"{where[cell.seed]}: {_FULL}; make room, or name another folder with --out")
        return cells


def _met_a_full_disk(cell: CellResult, where: Path) -> bool:
    """Whether a cell that failed says so, or the log that it left."""
    try:
        log = (where / LOG).read_text("utf-8", errors="replace")
    except OSError:
        log = ""
    return _FULL in cell.failure or _FULL in log


def answer(cell: CellResult, stage: Stage | None) -> Answer:
    """What one cell says of its release."""
    said = _ANSWERS[cell.kind]
    if said is Answer.BAD and stage is not None:
        at = cell.first_divergence
        return Answer.BAD if at is not None and at.stage is stage else Answer.GOOD
    return said


def judged(release: str, cells: Sequence[CellResult], stage: Stage | None) -> ReleaseResult:
    """What the cells of a release say together: a divergence outranks what could not be tested."""
    by_answer = {each: [cell for cell in cells if answer(cell, stage) is each] for each in Answer}
    said = next(each for each in (Answer.BAD, Answer.SKIPPED, Answer.GOOD) if by_answer[each])
    decided = by_answer[said][0]
    return ReleaseResult(
        release=release,
        answer=said,
        verdict=decided.kind,
        why=decided.reason,
        seeds=tuple(cell.seed for cell in cells),
        first_divergence=decided.first_divergence,
    )
