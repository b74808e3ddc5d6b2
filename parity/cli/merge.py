"""`parity merge`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from parity.errors import ExitStatus


@click.command("merge")
@click.argument("shards", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the whole run.")
def merge_command(shards: tuple[Path, ...], out: Path) -> ExitStatus:
    """Make one run of SHARDS (folders of `parity run --shard`) and judge it; a missing shard is never a pass."""
    from rich.console import Console

    from parity.canaries.catalogue import find
    from parity.merge import merged
    from parity.report.terminal import print_run
    from parity.rundir import read_run, write_reports
    from parity.scoreboard.board import read_handful
    from parity.shardfolder import check_out, copy_explanations, copy_shards, read_stored

    check_out(out)
    stored = [read_stored(shard) for shard in shards]
    copy_shards(stored, merged(stored), out)
    result = replace(read_run(out), canaries=read_handful(out, find))
    copy_explanations(stored, result, out)
    console = Console(highlight=False)
    print_run(console, result)
    write_reports(out, result)
    console.print(f"report: {out / 'report.md'}", style="dim")
    return result.status
