"""`parity run`."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.asked import GOLDENS, cells, check_json, checked_probes, seeds_asked, stop, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from parity.blind import BlindSpot
    from parity.canaries.canary import Canary
    from parity.errors import ExitStatus
    from parity.gate import RunResult
    from parity.lent import Run
    from parity.probe.values import Probe, Workload


@click.command("run")
@click.argument("probes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seeds", metavar="1,42", help="These seeds instead of the probe's.")
@click.option("--steps", type=click.IntRange(min=1), help="So many steps instead of the probe's.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of a probe, as in TOML.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells side by side.")
@click.option("--shard", "shard_of", metavar="2/5", help="Every fifth cell from the second on; see `parity merge`.")
@click.option(
    "--canaries",
    is_flag=True,
    help="Put a handful of known faults in beside: does the gate still see? Of shards, the first one does.",
)
@click.option("--canaries-seed", type=click.IntRange(min=0), help="This handful instead of today's; with --canaries.")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder for traces and reports.")
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=19,
    show_default=True,
    help="Where a device does not repeat itself: repetitions of the reference, at most, for one cell.",
)
@click.option(
    "--golden",
    "golden_folder",
    is_flag=False,
    flag_value=str(GOLDENS),
    type=click.Path(path_type=Path),
    metavar="[FOLDER]",
    help=f"Fail where a reference differs from its golden; without, that is only said. [default folder: {GOLDENS}]",
)
@click.option("--explain", "explains", is_flag=True, help="Find the cause of every divergence that was not expected.")
@click.option("--json", "json_file", metavar="FILE", help="The result as JSON; - is standard output.")
def run_command(
    probes: tuple[Path, ...],
    seeds: str | None,
    steps: int | None,
    overrides: tuple[str, ...],
    jobs: int,
    shard_of: str | None,
    canaries: bool,
    canaries_seed: int | None,
    out: Path | None,
    repeats: int,
    golden_folder: Path | None,
    explains: bool,
    json_file: str | None,
) -> ExitStatus:
    """Run PROBES (files, or folders of them) and say whether each met its expectation."""
    from rich.console import Console

    from parity.golden.folder import find_goldens, keep_goldens
    from parity.probe.hub import find_models
    from parity.report.json import render_json
    from parity.report.live import Live
    from parity.report.terminal import print_limits, print_run
    from parity.rundir import check_out, new_run, with_explanations, with_goldens, write_reports
    from parity.shard import postponed, read_shard, share
    from parity.sweep import first_cells, run_probes

    signal.signal(signal.SIGTERM, stop)
    steps_override = [] if steps is None else [f"workload.steps={steps}"]
    shard = None if shard_of is None else read_shard(shard_of)
    checked = checked_probes(probes, [*seeds_asked(seeds), *steps_override, *overrides])
    own = checked if shard is None else share(checked, shard)
    check_json(json_file)
    if out is not None:
        check_out(out)
    asked = (canaries or canaries_seed is not None) and (shard is None or shard.number == 1)
    handful = _handful(canaries_seed) if asked else ()
    goldens = find_goldens(golden_folder or GOLDENS, own, decides=golden_folder is not None)
    console = Console(stderr=json_file == "-", highlight=False)
    models = find_models(own, lambda line: console.print(line, style="dim", markup=False, soft_wrap=True))
    not_run = {probe.name: why for probe in own if (why := models.why_not(probe))}
    blind = _blind_spots([probe for probe in own if probe.name not in not_run], models.snapshots)
    run = new_run(out, checked, blind, not_run=not_run, models=models.commits, shard=shard)
    keep_goldens(goldens, run)
    print_limits(console, blind)
    controls = first_cells([probe for probe in checked if probe.name not in not_run])
    started = time.monotonic()
    with Live(console, sum(len(probe.workload.seeds) for probe in own if probe.name not in not_run)) as live:
        result = run_probes(
            own,
            run,
            jobs=jobs,
            watch=live,
            say=live.say,
            blind=blind,
            not_run=not_run,
            repetitions=repeats,
            controls=controls,
        )
    result = with_goldens(run, replace(result, shard=shard, postponed=postponed(checked, own)))
    if handful and not result.interrupted:
        result = _with_canaries(result, handful, run, cells(console, jobs))
    console.print()
    print_run(console, result)
    console.print(_cost(result, time.monotonic() - started), style="dim")
    if explains and not result.interrupted:
        _explain(console, result, run, jobs)
        result = with_explanations(run, result)
    if json_file is not None:
        write_json(json_file, render_json(result))
    write_reports(run, result)
    console.print(f"report: {run / 'report.md'}", style="dim")
    return result.status


def _explain(console: Console, result: RunResult, run: Path, jobs: int) -> None:
    """Each probe that diverges unexpectedly, at its first such seed."""
    from parity.inquiry import inquire
    from parity.report.explanation import print_explanation
    from parity.report.live import Live
    from parity.rundir import explanation_folder

    for each in result.probes:
        if (seed := each.unexpected_divergence) is None:
            continue
        probe = replace(each.probe, outcomes=None, workload=replace(each.probe.workload, seeds=(seed,)))
        console.print(f"\n{probe.name}, seed {seed}: looking for the cause", style="bold")
        with Live(console) as live:
            explained = inquire(probe, explanation_folder(run, probe), jobs=jobs, watch=live, say=live.say)
        print_explanation(console, explained)
    console.print()


def _handful(seed: int | None) -> tuple[Canary, ...]:
    from parity.canaries.catalogue import canaries
    from parity.scoreboard.handful import handful, today
    from parity.scoreboard.runs import check_grounds

    chosen = handful(canaries(), today() if seed is None else seed)
    check_grounds([each.on for each in chosen])
    return chosen


def _with_canaries(result: RunResult, handful: Sequence[Canary], run: Path, run_cells: Run) -> RunResult:
    """The probes' results stand, whatever becomes of the canaries."""
    from parity.scoreboard.board import run_canaries
    from parity.scoreboard.handful import note_handful

    try:
        return replace(result, canaries=run_canaries(handful, note_handful(run, handful), run_cells))
    except KeyboardInterrupt:
        return replace(result, interrupted=True)


def _cost(result: RunResult, seconds: float) -> str:
    cells = sum(len(probe.cells) for probe in result.probes)
    minutes, rest = divmod(round(seconds), 60)
    return f"{len(result.probes)} probes, {cells} cells, {f'{minutes} min ' if minutes else ''}{rest} s"


def _blind_spots(probes: Sequence[Probe], snapshots: Mapping[str, Path]) -> dict[str, tuple[BlindSpot, ...]]:
    """By probe name; rows that probes share are read and counted once."""
    from parity.blind import of_probe
    from parity.probe.lengths import RowFacts, row_facts

    known: dict[tuple[str, str], RowFacts] = {}

    def facts(workload: Workload) -> RowFacts:
        key = (workload.model, workload.data)
        if key not in known:
            known[key] = row_facts(workload, snapshots.get(workload.model))
        return known[key]

    return {probe.name: of_probe(probe, facts) for probe in probes}
