"""`parity outcomes`."""

from __future__ import annotations

from pathlib import Path

import click

from parity.errors import ExitStatus
from parity.probe.values import VerdictKind

_STATUS = {VerdictKind.IDENTICAL: ExitStatus.EXPECTED, VerdictKind.DIVERGED: ExitStatus.UNEXPECTED}


@click.command("outcomes", short_help="Judge a table of outcomes by seed.")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")
def outcomes_command(table: Path, *, as_json: bool) -> ExitStatus:
    """Say whether a TABLE of outcomes by seed proves a difference between two arms.

    TABLE is CSV with a seed column and one column for each of the two arms: yes and no, or numbers. An empty cell is
    a seed that the arm did not run.
    """
    from rich.console import Console

    from parity.jsonfloat import dumps
    from parity.judge.outcome_table import read_outcomes
    from parity.judge.outcomes import judge_rates, judge_shift
    from parity.report.json import SCHEMA, outcome_tree
    from parity.report.wording import discordant

    read = read_outcomes(table)
    found = judge_rates(*read.yes) if read.yes is not None else judge_shift(*(read.numbers or ({}, {})))
    if as_json:
        click.echo(dumps({"schema": SCHEMA, "arms": list(read.arms), **outcome_tree(found)}, indent=2))
    else:
        console = Console(highlight=False, emoji=False)
        console.print(f"reference: {read.arms[0]}; candidate: {read.arms[1]}", style="dim", markup=False)
        console.print(f"{found.kind}: {found.reason}", style="bold", markup=False, soft_wrap=True)
        for line in discordant(found):
            console.print(line, style="dim", markup=False)
    return _STATUS.get(found.kind, ExitStatus.UNDECIDED)
