"""A run from checked probes to its folder: first everything that can be wrong, then its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.conduct.inputs import inputs_of
from parity.golden import GOLDENS
from parity.golden.folder import find_goldens, keep_goldens
from parity.judge.blind_spots import blind_spots
from parity.probe.hub import find_models
from parity.probe.lengths import row_facts
from parity.probe.shard import share
from parity.runner.cells import MOST_REPETITIONS, first_cells, run_cells
from parity.store.folder import check_out, new_run
from parity.store.plan import Promised
from parity.trainers.rest import with_rests

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from parity.probe.shard import Shard
    from parity.probe.values import Probe
    from parity.runner.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What was checked before anything is run."""

    own: tuple[Probe, ...]
    """The probes of this shard whose model is there."""
    controls: frozenset[tuple[str, int]]
    repetitions: int
    canaries: tuple[str, ...] = ()
    """The names of known faults that are run too."""
    folder: Path
    """Of the run; it holds its plan."""


def plan_run(
    probes: Sequence[Probe],
    *,
    out: Path | None,
    say: Callable[[str], None],
    shard: Shard | None = None,
    golden: Path | None = None,
    canaries: Collection[str] = (),
    repetitions: int = MOST_REPETITIONS,
    controls: Collection[tuple[str, int]] | None = None,
) -> Planned:
    """Checks what a run needs and makes its folder, with its plan; no cell is started.

    Args:
        probes: checked probes, those of other shards among them; the rests of declared divergences are added.
        out: a new folder; None: one in `reports`, named by the time.
        say: called with a line about what takes time.
        shard: the share that is run; None: all.
        golden: the folder of goldens that decide; None: those in `GOLDENS` are compared, and decide nothing.
        canaries: the names of known faults that will be run too.
        repetitions: the limit for one cell, if its reference does not repeat itself.
        controls: the cells, by probe name and seed, that get a control; None: the first of every library.

    Raises:
        ParityError: the shard or the folder cannot be used.
        BadGoldenError: a golden that decides cannot be used.

    """
    probes = with_rests(probes)
    own = probes if shard is None else share(probes, shard)
    if out is not None:
        check_out(out)
    read = [probe for probe in own if not probe.rest_of]
    goldens = find_goldens(golden or GOLDENS, read, decides=golden is not None)
    models = find_models(own, say)
    not_run = {probe.name: why for probe in own if (why := models.why_not(probe))}
    runnable = tuple(probe for probe in own if probe.name not in not_run)
    if controls is None:
        controls = first_cells([probe for probe in probes if probe.name not in not_run])
    promised = Promised(
        controls=tuple(sorted(controls)),
        repetitions=repetitions,
        canaries=tuple(canaries),
        goldens=tuple(goldens.texts),
    )
    blind = blind_spots(runnable, models.snapshots, row_facts)
    folder = new_run(
        out,
        probes,
        blind,
        not_run=not_run,
        models=models.commits,
        promised=promised,
        inputs=inputs_of(runnable),
        shard=shard,
    )
    keep_goldens(goldens, folder)
    return Planned(
        own=runnable,
        controls=frozenset(controls),
        repetitions=repetitions,
        canaries=promised.canaries,
        folder=folder,
    )


def carry_out(planned: Planned, *, jobs: int, watch: Callable[[Progress], None], say: Callable[[str], None]) -> None:
    """Runs the cells of a run; what they leave in its folder is the result.

    Args:
        planned: what to run.
        jobs: cells at a time.
        watch: called in this thread with the progress of a cell.
        say: called with a line about what takes time.

    Raises:
        KeyboardInterrupt: from the user or from a cell; cells that had not ended have no result.
        NotKeptError: it cannot be recorded how a cell ended.

    """
    run_cells(
        planned.own,
        planned.folder,
        jobs=jobs,
        watch=watch,
        say=say,
        repetitions=planned.repetitions,
        controls=planned.controls,
    )
