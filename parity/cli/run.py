"""`parity run`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from parity.cli.common import (
    GOLDENS,
    asked_for,
    cells,
    check_json,
    checked_probes,
    console_for,
    stop_on_sigterm,
    stored_run,
    write_json,
)
from parity.errors import NotKeptError

if TYPE_CHECKING:
    from rich.console import Console

    from parity.canaries.canary import Canary
    from parity.errors import ExitStatus
    from parity.gate.result import RunResult
    from parity.probe.shard import Shard
    from parity.probe.values import Probe


@click.command("run", short_help="Run probes and say whether each is as expected.")
@click.argument("probes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seeds", metavar="1,42", help="Seeds to run, overriding the probe.")
@click.option("--steps", type=click.IntRange(min=1), help="Number of steps, overriding the probe.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override any key of a probe, as in TOML.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells to run at a time.")
@click.option("--shard", "shard_of", metavar="2/5", help="Run this share of the cells; see `parity merge`.")
@click.option(
    "--canaries",
    "with_canaries",
    is_flag=True,
    help="Also run a sample of known faults and fail if one is missed. With --shard, the first shard does.",
)
@click.option("--canaries-seed", type=click.IntRange(min=0), help="Choose the sample of known faults; default: today.")
@click.option("--out", type=click.Path(path_type=Path), help="Write traces and reports to this new folder.")
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=19,
    show_default=True,
    help="Most repetitions of a reference that does not repeat itself, per cell.",
)
@click.option(
    "--golden",
    "golden_folder",
    is_flag=False,
    flag_value=str(GOLDENS),
    type=click.Path(path_type=Path),
    metavar="[FOLDER]",
    help=f"Fail if a reference differs from its golden file. [default folder: {GOLDENS}]",
)
@click.option("--explain", "explains", is_flag=True, help="Find the cause of every unexpected divergence.")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - is standard output.")
@click.option("-v", "--verbose", is_flag=True, help="Print blind spots, controls, goldens and settings in full.")
def run_command(**options: Any) -> ExitStatus:
    """Run PROBES (files, or folders of them) and say whether each met its expectation."""
    stop_on_sigterm()
    asked = _Asked(**options)
    console = console_for(asked.json_file)
    planned = _checked(asked, console)
    started = time.monotonic()
    try:
        _carry_out(asked, planned, console)
    except NotKeptError:  # what there is until then is judged and shown
        _shown(replace(asked, explains=False), planned.folder, console, time.monotonic() - started)
        raise
    return _shown(asked, planned.folder, console, time.monotonic() - started)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The options, by their names."""

    probes: tuple[Path, ...]
    seeds: str | None
    steps: int | None
    overrides: tuple[str, ...]
    jobs: int
    shard_of: str | None
    with_canaries: bool
    canaries_seed: int | None
    out: Path | None
    repeats: int
    golden_folder: Path | None
    explains: bool
    json_file: str | None
    verbose: bool


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """What was checked before anything is run."""

    own: tuple[Probe, ...]
    """The probes of this shard whose model is there."""
    controls: frozenset[tuple[str, int]]
    canaries: tuple[Canary, ...]
    folder: Path
    """Of the run; it holds its plan."""


def _checked(asked: _Asked, console: Console) -> _Planned:
    """Everything that can be wrong is said now, before a cell is started."""
    from parity.golden.folder import find_goldens, keep_goldens
    from parity.judge.blind_spots import blind_spots
    from parity.probe.hub import find_models
    from parity.probe.lengths import row_facts
    from parity.probe.shard import read_shard, share
    from parity.runner.cells import first_cells
    from parity.store.folder import check_out, new_run
    from parity.store.plan import Promised
    from parity.trainers.rest import with_rests

    shard = None if asked.shard_of is None else read_shard(asked.shard_of)
    probes = checked_probes(asked.probes, [*asked_for(asked.seeds, asked.steps), *asked.overrides])
    probes = with_rests(probes)
    own = probes if shard is None else share(probes, shard)
    check_json(asked.json_file)
    if asked.out is not None:
        check_out(asked.out)
    canaries = _sample(asked, shard)
    goldens = find_goldens(
        asked.golden_folder or GOLDENS,
        [each for each in own if not each.rest_of],
        decides=asked.golden_folder is not None,
    )
    models = find_models(own, lambda line: console.print(line, style="dim", markup=False, soft_wrap=True))
    not_run = {probe.name: why for probe in own if (why := models.why_not(probe))}
    runnable = tuple(probe for probe in own if probe.name not in not_run)
    blind = blind_spots(runnable, models.snapshots, row_facts)
    controls = first_cells([probe for probe in probes if probe.name not in not_run])
    promised = Promised(
        controls=tuple(sorted(controls)),
        repetitions=asked.repeats,
        canaries=tuple(each.name for each in canaries),
        goldens=tuple(goldens.texts),
    )
    folder = new_run(asked.out, probes, blind, not_run=not_run, models=models.commits, promised=promised, shard=shard)
    keep_goldens(goldens, folder)
    return _Planned(own=runnable, controls=controls, canaries=canaries, folder=folder)


def _sample(asked: _Asked, shard: Shard | None) -> tuple[Canary, ...]:
    """The known faults that are run in addition; of shards, the first one has them."""
    from parity.canaries.catalogue import canaries
    from parity.scoreboard.runs import check_grounds
    from parity.scoreboard.sample import sample, today

    wanted = asked.with_canaries or asked.canaries_seed is not None
    if not wanted or (shard is not None and shard.number != 1):
        return ()
    chosen = sample(canaries(), today() if asked.canaries_seed is None else asked.canaries_seed)
    check_grounds([each.on for each in chosen])
    return chosen


def _carry_out(asked: _Asked, planned: _Planned, console: Console) -> None:
    """Runs cells and canaries; what they leave in the folder of the run is the result."""
    from parity.cli.progress import Live
    from parity.runner.cells import run_cells
    from parity.scoreboard.board import run_canaries
    from parity.scoreboard.sample import FOLDER
    from parity.store.run import note_interrupted

    try:
        with Live(console, sum(len(probe.workload.seeds) for probe in planned.own), expects=True) as live:
            run_cells(
                planned.own,
                planned.folder,
                jobs=asked.jobs,
                watch=live,
                say=live.say,
                repetitions=asked.repeats,
                controls=planned.controls,
            )
        if planned.canaries:
            run_canaries(planned.canaries, planned.folder / FOLDER, cells(console, asked.jobs))
    except KeyboardInterrupt:
        note_interrupted(planned.folder)


def _shown(asked: _Asked, run: Path, console: Console, seconds: float) -> ExitStatus:
    """Judges the folder of the run, explains what is asked, writes the reports and prints the verdict."""
    from parity.report.json import render_json
    from parity.report.terminal import print_run
    from parity.store.run import with_explanations, write_reports

    result = stored_run(run)
    if asked.explains and not result.interrupted:
        _explain(console, result, run, asked.jobs)
        result = with_explanations(run, result)
    try:
        write_reports(run, result)
        if asked.json_file is not None:
            write_json(asked.json_file, render_json(result))
    finally:  # a verdict is printed, whether or not it can be kept
        console.print()
        print_run(console, result, verbose=asked.verbose)
        console.print(_cost(result, seconds), style="dim")
    console.print(f"report: {run / 'report.html'}, report.md", style="dim", soft_wrap=True)
    return result.status


def _explain(console: Console, result: RunResult, run: Path, jobs: int) -> None:
    """Each probe that diverges unexpectedly, at its first such seed."""
    from parity.cli.progress import Live
    from parity.explain.local import explain_locally
    from parity.explain.report import print_explanation
    from parity.store.run import explanation_folder

    for each in result.probes:
        if (seed := each.unexpected_divergence) is None:
            continue
        probe = replace(each.probe, outcomes=None, workload=replace(each.probe.workload, seeds=(seed,)))
        console.print(f"\n{probe.name}, seed {seed}: looking for the cause", style="bold")
        with Live(console) as live:
            explained = explain_locally(probe, explanation_folder(run, probe), jobs=jobs, watch=live, say=live.say)
        print_explanation(console, explained)


def _cost(result: RunResult, seconds: float) -> str:
    """`28 probes, 34 cells, 3 min 34 s`."""
    from parity.report.wording import counted

    cells_run = sum(len(probe.cells) for probe in result.probes)
    minutes, rest = divmod(round(seconds), 60)
    took = f"{f'{minutes} min ' if minutes else ''}{rest} s"
    return f"{counted(len(result.asked), 'probe')}, {counted(cells_run, 'cell')}, {took}"
