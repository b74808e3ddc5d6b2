"""`parity doctor`."""

from __future__ import annotations

import click

from parity.errors import ExitStatus


@click.command("doctor")
def doctor_command() -> ExitStatus:
    """Is this machine fit to judge?"""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from parity.doctor import examine

    findings = examine()
    table = Table(box=None, show_header=False)
    for finding in findings:
        mark = Text("✓", style="green") if finding.fit else Text("✗", style="bold red")
        table.add_row(mark, finding.what, Text(finding.said))
    Console(highlight=False).print(table)
    return ExitStatus.EXPECTED if all(finding.fit for finding in findings) else ExitStatus.NOT_RUN
