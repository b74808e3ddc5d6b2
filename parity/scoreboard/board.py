"""From canaries to a scoreboard: runs them, and scores their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.scoreboard.identical import identical
from parity.scoreboard.runs import CanaryRun, ground_result, left_behind, result_of, run_changed
from parity.scoreboard.sample import FOLDER
from parity.scoreboard.score import Score, Scoreboard, score
from parity.scoreboard.sensitivity import Sensitivity, largest_caught

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from parity.canaries.canary import Canary, Graded
    from parity.judge.result import CellResult
    from parity.scoreboard.score import Identical
    from parity.trace.cell import Run


def run_of(canary: Canary) -> CanaryRun:
    """How a canary is run."""
    return CanaryRun(provider=canary.provider, on=canary.on, repeats=canary.outlives)


def run_canaries(canaries: Sequence[Canary], folder: Path, run: Run) -> Scoreboard:
    """Runs canaries and scores them."""
    run_changed([run_of(each) for each in canaries], folder, run)
    return read_canaries(canaries, folder)


def read_canaries(canaries: Sequence[Canary], folder: Path) -> Scoreboard:
    """Scores canaries that were run, from their traces."""
    return Scoreboard(scores=tuple(_score(each, folder) for each in canaries), identical=_grounds(canaries, folder))


def read_sample(run: Path, names: Sequence[str], find: Callable[[str], Canary]) -> Scoreboard | None:
    """Scores the canaries of a stored run again; None if it has none.

    Args:
        run: the folder of the run.
        names: the canaries that its plan promises.
        find: name → canary.

    """
    return read_canaries([find(name) for name in names], run / FOLDER) if names else None


def _score(canary: Canary, folder: Path) -> Score:
    run = run_of(canary)
    behind = left_behind(folder, run) if canary.outlives else None
    return score(canary, result_of(folder, run), behind)


def _grounds(canaries: Sequence[Canary], folder: Path) -> Identical:
    grounds = {each.on.name: each.on for each in canaries}
    return identical({name: ground_result(folder, ground) for name, ground in grounds.items()})


def measure_sensitivity(graded: Sequence[Graded], folder: Path, run: Run) -> tuple[Sensitivity, ...]:
    """The smallest size of each effect that is still caught."""
    by_name = {each.name: each for each in graded}
    seen: dict[tuple[str, int], CellResult] = {}

    def caught(sizes: Mapping[str, int]) -> dict[str, bool]:
        runs = {name: CanaryRun(provider=by_name[name].provider(k), on=by_name[name].on) for name, k in sizes.items()}
        run_changed(list(runs.values()), folder, run)
        found = {name: result_of(folder, run) for name, run in runs.items()}
        seen.update({(name, sizes[name]): cell for name, cell in found.items()})
        return {name: cell.verdict is not None and not cell.kind.passes for name, cell in found.items()}

    largest = largest_caught(list(by_name), caught)
    return tuple(_sensitivity(by_name[name], k, seen) for name, k in largest.items())


def _sensitivity(graded: Graded, k: int | None, seen: Mapping[tuple[str, int], CellResult]) -> Sensitivity:
    failures = [cell.failure for (name, _), cell in seen.items() if name == graded.name and cell.verdict is None]
    if failures:
        return Sensitivity(graded=graded, k=None, failure=failures[0])
    at = None if k is None else seen[graded.name, k].first_divergence
    return Sensitivity(graded=graded, k=k, metric="" if at is None else at.metric)
