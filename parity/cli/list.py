"""`parity list`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import ExitStatus

if TYPE_CHECKING:
    from parity.probe.values import Probe


@click.command("list", short_help="List probes, their arms and expected verdicts.")
@click.argument("probes", nargs=-1, type=click.Path(path_type=Path))
@click.option("--markdown", is_flag=True, help="Print the table of probes/README.md.")
def list_command(probes: tuple[Path, ...], *, markdown: bool) -> ExitStatus:
    """Print what PROBES ask, their arms and the expected verdicts. Default: probes/current and probes/original."""
    from rich.console import Console

    from parity.probe.file import find_probes, read_probe
    from parity.report.catalogue import catalogue_markdown, print_catalogue

    paths = probes or (Path("probes/current"), Path("probes/original"))
    found: list[Probe] = [read_probe(path) for path in find_probes(paths)]
    if markdown:
        click.echo(catalogue_markdown(found), nl=False)
    else:
        print_catalogue(Console(highlight=False), found)
    return ExitStatus.EXPECTED
