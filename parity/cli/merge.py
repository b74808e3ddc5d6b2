"""`parity merge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import console_for, stored_run

if TYPE_CHECKING:
    from parity.errors import ExitStatus


@click.command("merge", short_help="Merge the shards of a run and judge it.")
@click.argument("shards", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the merged run.")
@click.option("-v", "--verbose", is_flag=True, help="Print blind spots, controls, goldens and settings in full.")
def merge_command(shards: tuple[Path, ...], out: Path, *, verbose: bool) -> ExitStatus:
    """Merge SHARDS (folders of `parity run --shard`) into one run and judge it. A missing shard is never a pass."""
    from parity.report.terminal import print_run
    from parity.store.collect import copy_explanations, copy_shards, read_stored
    from parity.store.folder import check_out
    from parity.store.merge import merged
    from parity.store.run import with_explanations, write_reports

    check_out(out)
    read = [read_stored(shard) for shard in shards]
    copy_shards(read, merged(read), out)
    result = stored_run(out)
    copy_explanations(read, result, out)
    result = with_explanations(out, result)
    console = console_for()
    try:
        write_reports(out, result)
    finally:  # a verdict is printed, whether or not it can be kept
        print_run(console, result, verbose=verbose)
    console.print(f"report: {out / 'report.md'}", style="dim", soft_wrap=True)
    return result.status
