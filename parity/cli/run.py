"""`parity run`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from parity.cli.common import cells, check_json, console_for, stop_on_sigterm, stored_run, write_json
from parity.errors import NotKeptError, ParityError
from parity.golden import GOLDENS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rich.console import Console

    from parity.canaries.canary import Canary
    from parity.conduct.run import Planned
    from parity.errors import ExitStatus
    from parity.gate.result import RunResult
    from parity.probe.shard import Shard


@click.command("run", short_help="Run probes and say whether each is as expected.")
@click.argument("probes", nargs=-1, type=click.Path(path_type=Path))
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
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Run what is missing of the run in this folder, in place of PROBES.",
)
@click.option("--explain", "explains", is_flag=True, help="Find the cause of every unexpected divergence.")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - is standard output.")
@click.option("-v", "--verbose", is_flag=True, help="Print blind spots, controls, goldens and settings in full.")
def run_command(**options: Any) -> ExitStatus:
    """Run PROBES (files, or folders of them) and say whether each met its expectation."""
    from parity.store.lock import working_on

    stop_on_sigterm()
    asked = _Asked(**options)
    console = console_for(asked.json_file)
    if asked.resume is not None:
        return _resumed(asked, asked.resume, console)
    planned = _checked(asked, console)
    with working_on(planned.folder):
        return _run(asked, planned, console)


def _resumed(asked: _Asked, run: Path, console: Console) -> ExitStatus:
    """What the plan of a stored run says, and nothing else, as far as it is missing."""
    from parity.conduct.resume import plan_resumed
    from parity.store.lock import working_on
    from parity.store.plan import read_plan

    if chosen := _given_besides(_ALSO_RESUMED):
        raise ParityError(f"--resume {run}: its plan says what is run; leave out {', '.join(chosen)}")
    check_json(asked.json_file)
    read_plan(run)  # where there is no run, no lock is made
    with working_on(run):
        return _run(asked, plan_resumed(run, say=_saying(console)), console)


def _given_besides(names: Collection[str]) -> list[str]:
    """What was said on the command line, but for these options."""
    context = click.get_current_context()
    words = {str(each.name): each.opts[0] for each in context.command.params}
    given = [name for name in words if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    return [words[name].upper() if name == "probes" else words[name] for name in given if name not in names]


def _saying(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(line, style="dim", markup=False, soft_wrap=True)


def _run(asked: _Asked, planned: Planned, console: Console) -> ExitStatus:
    started = time.monotonic()
    try:
        _carry_out(planned, asked.jobs, console)
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
    resume: Path | None
    explains: bool
    json_file: str | None
    verbose: bool


_ALSO_RESUMED = {"resume", "jobs", "explains", "json_file", "verbose"}
"""The options that can be said of a run that goes on."""


def _checked(asked: _Asked, console: Console) -> Planned:
    """Everything that can be wrong is said now, before a cell is started."""
    from parity.conduct.probes import asked_for, checked_probes
    from parity.conduct.run import plan_run
    from parity.probe.shard import read_shard

    if not asked.probes:
        raise click.UsageError("Missing argument 'PROBES...': name probe files or folders of them, or --resume a run.")
    shard = None if asked.shard_of is None else read_shard(asked.shard_of)
    probes = checked_probes(asked.probes, [*asked_for(asked.seeds, asked.steps), *asked.overrides])
    check_json(asked.json_file)
    canaries = _sample(asked, shard)
    return plan_run(
        probes,
        out=asked.out,
        say=_saying(console),
        shard=shard,
        golden=asked.golden_folder,
        canaries=[each.name for each in canaries],
        repetitions=asked.repeats,
    )


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


def _carry_out(planned: Planned, jobs: int, console: Console) -> None:
    """Runs cells and canaries; what they leave in the folder of the run is the result."""
    from parity.canaries.catalogue import find
    from parity.cli.progress import Live
    from parity.conduct.run import carry_out
    from parity.scoreboard.board import run_canaries
    from parity.scoreboard.sample import FOLDER
    from parity.store.run import note_interrupted

    try:
        with Live(console, sum(len(probe.workload.seeds) for probe in planned.own), expects=True) as live:
            carry_out(planned, jobs=jobs, watch=live, say=live.say)
        if planned.canaries:
            run_canaries([*map(find, planned.canaries)], planned.folder / FOLDER, cells(console, jobs))
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
