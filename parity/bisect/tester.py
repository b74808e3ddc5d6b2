"""Tests releases at several seeds, with all other packages unchanged, and keeps the cells that were run."""

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
    from parity.metrics import Stage
    from parity.probe.values import Probe

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
    """The answer for one release."""

    release: str
    """Or the path of a checkout."""
    answer: Answer
    verdict: VerdictKind
    """The one that decided."""
    why: str
    """One clause: the reason for the verdict, or why the release could not be tested."""
    seeds: tuple[int, ...] = ()
    """Those that were judged; after one that is not good, no more are run."""
    first_divergence: FirstDivergence | None = None
    seconds: float = 0.0
    """How long it took now; next to nothing if its cells were kept from before."""

    @property
    def is_skipped(self) -> bool:
        """Whether it could not be tested."""
        return self.answer is Answer.SKIPPED


class Lab(Protocol):
    """Prepares environments and runs cells."""

    def prepare(self, probe: Probe) -> None:
        """Builds the environment of a probe. Raises UnavailableError if it cannot be built."""
        ...

    def run(self, probe: Probe, folder: Path) -> Sequence[CellResult]:
        """Runs a probe at all its seeds and judges them. Raises KeyboardInterrupt if the user stops it."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReleaseTester:
    """Tests a probe with any release of one package."""

    probe: Probe
    """For a release to be good, all its seeds must be good."""
    package: str
    beside: Mapping[str, str]
    """The releases of all other packages, the same in every trial."""
    folder: Path
    lab: Lab
    together: int = 1
    """Cells to run at a time."""
    stage: Stage | None = None
    """If given, only a first divergence at this stage is bad."""

    def test(self, release: str, kept_as: str | None = None) -> ReleaseResult:
        """Tests a release, or the checkout or wheel at a path.

        Args:
            release: what the package is pinned to.
            kept_as: the name of its folder, if that is not the release.

        Raises:
            MachineError: there is no network or no space, which says nothing about the release.

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
        """Runs `together` seeds at a time until one is not good."""
        seeds = probe.workload.seeds
        cells: list[CellResult] = []
        for start in range(0, len(seeds), self.together):
            cells += self._at(probe, seeds[start : start + self.together], folder)
            if any(answer(cell, self.stage) is not Answer.GOOD for cell in cells):
                break
        return cells

    def _at(self, probe: Probe, seeds: Sequence[int], folder: Path) -> list[CellResult]:
        """Judges the cells that have ended again, and runs the others."""
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
                raise MachineError(f"{where[cell.seed]}: {_FULL}; free space, or name another folder with --out")
        return cells


def _met_a_full_disk(cell: CellResult, where: Path) -> bool:
    """Whether a failed cell, or its log, says that the disk was full."""
    try:
        log = (where / LOG).read_text("utf-8", errors="replace")
    except OSError:
        log = ""
    return _FULL in cell.failure or _FULL in log


def answer(cell: CellResult, stage: Stage | None) -> Answer:
    """The answer of one cell for its release."""
    said = _ANSWERS[cell.kind]
    if said is Answer.BAD and stage is not None:
        at = cell.first_divergence
        return Answer.BAD if at is not None and at.stage is stage else Answer.GOOD
    return said


def judged(release: str, cells: Sequence[CellResult], stage: Stage | None) -> ReleaseResult:
    """The answer of all cells of a release together: a divergence outranks a cell that could not be tested."""
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
