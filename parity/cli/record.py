"""`parity record`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import console_for, stop_on_sigterm
from parity.errors import ExitStatus
from parity.golden import GOLDENS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.golden.recorded import RecordedGolden


@click.command("record", short_help="Write golden files of the references of probes.")
@click.argument("probes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seeds", metavar="1,42", help="Seeds to run, overriding the probe.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override any key of a probe, as in TOML.")
@click.option("--force", "replaces", is_flag=True, help="Replace golden files that differ, and show how they differ.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells to run at a time.")
@click.option(
    "--golden", "folder", type=click.Path(path_type=Path), default=GOLDENS, show_default=True, metavar="FOLDER",
    help="Folder for golden files, with one folder per platform.",
)  # fmt: skip
def record_command(
    probes: tuple[Path, ...], seeds: str | None, overrides: tuple[str, ...], jobs: int, folder: Path, *, replaces: bool
) -> ExitStatus:
    """Write what the references of PROBES compute to golden files, for `parity run --golden`.

    A new golden file fails, so that somebody looks at it. One that differs fails, too: the difference is shown, and
    nothing is written.
    """
    from rich.text import Text

    from parity.conduct.probes import asked_for, checked_probes
    from parity.report.golden import record_lines
    from parity.runner.goldens import record

    stop_on_sigterm()
    checked = checked_probes(probes, [*asked_for(seeds), *overrides])
    console = console_for()
    done: list[RecordedGolden] = []
    for found in record(checked, folder, jobs=jobs, replaces=replaces, say=lambda line: click.echo(line, err=True)):
        done.append(found)
        for line in record_lines(found):
            console.print(Text(line), soft_wrap=True)
    return _status(done)


def _status(done: Iterable[RecordedGolden]) -> ExitStatus:
    from parity.golden.recorded import Recorded

    found = {each.what for each in done}
    if found & {Recorded.FIRST, Recorded.DIFFERS}:
        return ExitStatus.UNEXPECTED
    return ExitStatus.NOT_RUN if Recorded.FAILED in found else ExitStatus.EXPECTED
