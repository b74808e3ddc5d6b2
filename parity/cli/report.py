"""`parity report`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from parity.errors import ExitStatus


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "json", "svg"]),
    default="terminal",
    show_default=True,
    help="svg is a picture of the terminal.",
)
def report_command(run: Path, form: str) -> ExitStatus:
    """Judge a stored RUN again, from its traces, and render it; the exit status is the run's."""
    from rich.console import Console

    from parity.canaries.catalogue import find
    from parity.report.json import render_json
    from parity.report.svg import render_svg
    from parity.report.terminal import print_run
    from parity.rundir import markdown_of, read_run
    from parity.scoreboard.board import read_handful

    result = replace(read_run(run), canaries=read_handful(run, find))
    match form:
        case "markdown":
            click.echo(markdown_of(run, result), nl=False)
        case "json":
            click.echo(render_json(result))
        case "svg":
            click.echo(render_svg(result, title=f"parity report {run}"))
        case _:
            print_run(Console(highlight=False), result)
    return result.status
