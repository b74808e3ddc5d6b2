"""`parity merge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.asked import stored

if TYPE_CHECKING:
    from parity.errors import ExitStatus


@click.command("merge")
@click.argument("shards", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the whole run.")
def merge_command(shards: tuple[Path, ...], out: Path) -> ExitStatus:
    """Make one run of SHARDS (folders of `parity run --shard`) and judge it; a missing shard is never a pass."""
    from rich.console import Console

    from parity.merge import merged
    from parity.report.terminal import print_run
    from parity.rundir import check_out, with_explanations, write_reports
    from parity.shardfolder import copy_explanations, copy_shards, read_stored

    check_out(out)
    parts = [read_stored(shard) for shard in shards]
    copy_shards(parts, merged(parts), out)
    result = stored(out)
    copy_explanations(parts, result, out)
    result = with_explanations(out, result)
    console = Console(highlight=False)
    print_run(console, result)
    write_reports(out, result)
    console.print(f"report: {out / 'report.md'}", style="dim")
    return result.status
