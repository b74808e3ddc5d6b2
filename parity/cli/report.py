"""`parity report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import console_for, stored_run

if TYPE_CHECKING:
    from parity.errors import ExitStatus
    from parity.gate.result import RunResult


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
    result = stored_run(run)
    if form == "terminal":
        from parity.report.terminal import print_run

        print_run(console_for(), result, verbose=verbose)
    else:
        click.echo(_rendered(result, form, title=f"parity report {run}"), nl=False)
    return result.status


def _rendered(result: RunResult, form: str, *, title: str) -> str:
    """A run in one form; only what renders it is imported."""
    match form:
        case "markdown":
            from parity.report.markdown import render_markdown

            return render_markdown(result)
        case "comment":
            from parity.report.markdown import MARKER, render_comment

            return f"{MARKER}\n{render_comment(result)}"
        case "junit":
            from parity.report.junit import render_junit

            return f"{render_junit(result)}\n"
        case "annotations":
            from parity.report.annotations import render_annotations

            return render_annotations(result)
        case "html":
            from parity.report.html import render_html

            return f"{render_html(result)}\n"
        case "svg":
            from parity.report.svg import render_svg

            return f"{render_svg(result, title=title)}\n"
        case _:
            from parity.report.json import render_json

            return f"{render_json(result)}\n"
