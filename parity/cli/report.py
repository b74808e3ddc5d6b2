"""`parity report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import console_for, stored_run

if TYPE_CHECKING:
    from parity.errors import ExitStatus


@click.command("report", short_help="Judge a stored run again and render it.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "comment", "html", "json", "junit", "annotations", "svg"]),
    default="terminal",
    show_default=True,
    help="comment: markdown for a pull request; html: one self-contained page with curves; annotations: workflow "
    "commands; svg: a picture of the terminal.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print blind spots, controls, goldens and settings in full.")
def report_command(run: Path, form: str, *, verbose: bool) -> ExitStatus:
    """Judge a stored RUN again and render it; the exit status is the run's.

    RUN is a folder, which is judged from its traces, or a results.json, which must follow from its own cells.
    """
    from parity.report.annotations import render_annotations
    from parity.report.html import render_html
    from parity.report.json import render_json
    from parity.report.junit import render_junit
    from parity.report.markdown import MARKER, render_comment, render_markdown
    from parity.report.svg import render_svg
    from parity.report.terminal import print_run

    result = stored_run(run)
    match form:
        case "markdown":
            click.echo(render_markdown(result), nl=False)
        case "comment":
            click.echo(f"{MARKER}\n{render_comment(result)}", nl=False)
        case "junit":
            click.echo(render_junit(result))
        case "annotations":
            click.echo(render_annotations(result), nl=False)
        case "json":
            click.echo(render_json(result))
        case "html":
            click.echo(render_html(result))
        case "svg":
            click.echo(render_svg(result, title=f"parity report {run}"))
        case _:
            print_run(console_for(), result, verbose=verbose)
    return result.status
