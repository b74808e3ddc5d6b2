"""`parity canaries`."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import cells, check_json, console_for, stop_on_sigterm, write_json
from parity.errors import BadProbeError, ExitStatus
from parity.metrics import Stage

if TYPE_CHECKING:
    from parity.canaries.canary import Canary


@click.command("canaries", short_help="Run known faults and score which ones are caught.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells to run at a time.")
@click.option("--only", multiple=True, metavar="NAME", help="Run only this canary; may be repeated.")
@click.option("--stage", type=click.Choice([str(stage) for stage in Stage]), help="Run only canaries of this stage.")
@click.option(
    "--identical", type=click.IntRange(min=0), default=0, help="Also run this many cells whose arms are the same."
)
@click.option("--sensitivity", is_flag=True, help="Search for the smallest effect that is still caught.")
@click.option("--out", type=click.Path(path_type=Path), help="Write traces to this new folder; default: keep none.")
@click.option("--json", "json_file", metavar="FILE", help="Write the scoreboard as JSON; - is standard output.")
def canaries_command(
    jobs: int,
    only: tuple[str, ...],
    stage: str | None,
    identical: int,
    sensitivity: bool,
    out: Path | None,
    json_file: str | None,
) -> ExitStatus:
    """Put known faults into real providers and score whether the harness catches them."""
    from parity.canaries.catalogue import graded
    from parity.report.canaries import print_canaries, render_canaries
    from parity.scoreboard.board import measure_sensitivity, run_canaries
    from parity.scoreboard.identical import run_identical
    from parity.scoreboard.runs import check_grounds

    check_json(json_file)
    chosen = _chosen(only, stage)
    effects = graded() if sensitivity else ()
    check_grounds([*(each.on for each in chosen), *(each.on for each in effects)])
    stop_on_sigterm()
    console = console_for(json_file)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parity-canaries-") as scratch:
        folder = _empty(out) if out else Path(scratch)
        run = cells(console, jobs)
        board = run_canaries(chosen, folder, run)
        board = replace(
            board,
            identical=board.identical + run_identical(identical, folder, run),
            sensitivity=measure_sensitivity(effects, folder, run),
        )
    board = replace(board, seconds=time.monotonic() - started)
    console.print()
    print_canaries(console, board)
    console.print(f"{len(board.scores)} canaries, {board.seconds:.0f} s", style="dim")
    if json_file is not None:
        write_json(json_file, render_canaries(board))
    return board.status


def _chosen(only: tuple[str, ...], stage: str | None) -> tuple[Canary, ...]:
    from parity.canaries.catalogue import canaries, find

    named = tuple(find(name) for name in dict.fromkeys(only)) if only else canaries()
    chosen = tuple(each for each in named if stage is None or each.stage == stage)
    if not chosen:
        raise BadProbeError(f"--only and --stage {stage}: no canary matches both; drop one of them")
    return chosen


def _empty(out: Path) -> Path:
    from parity.store.folder import check_out, writing

    check_out(out)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    return out
