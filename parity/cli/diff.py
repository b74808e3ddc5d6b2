"""`parity diff`."""

from __future__ import annotations

import click

from parity.errors import ExitStatus, ParityError, nearest
from parity.probe.values import VerdictKind

_STATUS = {
    VerdictKind.IDENTICAL: ExitStatus.EXPECTED,
    VerdictKind.WITHIN: ExitStatus.EXPECTED,
    VerdictKind.DIVERGED: ExitStatus.UNEXPECTED,
    VerdictKind.INCONCLUSIVE: ExitStatus.UNDECIDED,
    VerdictKind.INVALID: ExitStatus.UNDECIDED,
}


@click.command("diff", short_help="Compare two traces or two logs, step by step.")
@click.argument("reference")
@click.argument("candidate")
@click.option("--metrics", metavar="loss,lr", default="", help="Compare only these metrics; default: all.")
@click.option(
    "--tolerance",
    multiple=True,
    metavar="METRIC=SIZE",
    help="Accept |delta| up to SIZE; other metrics then do not count.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")
def diff_command(
    reference: str, candidate: str, metrics: str, tolerance: tuple[str, ...], *, as_json: bool
) -> ExitStatus:
    """Compare two traces, or two CSV or JSON Lines logs with a `step` column.

    FILE::COLUMN reads one column of a table as the loss. The columns `iteration` and `iter` are read as step,
    `train_loss` as loss, `learning_rate` as lr and `n_tokens` as tokens.
    """
    from rich.console import Console

    from parity.judge.diff import diff
    from parity.judge.logs import read_recording
    from parity.judge.verdict import Thresholds, judge
    from parity.report.json import render_diff
    from parity.report.terminal import print_diff

    wanted = [name for name in metrics.split(",") if name]
    accepted = dict(map(_tolerance, tolerance))
    delta = diff(read_recording(reference, wanted), read_recording(candidate, wanted))
    for metric in accepted.keys() - set(delta.table["metric"]) if len(delta.table) else ():
        raise ParityError(f"--tolerance {metric}: not compared; {nearest(metric, set(delta.table['metric']))}")
    verdict = judge(delta, again=(), thresholds=Thresholds(tolerance=accepted))
    if as_json:
        click.echo(render_diff(delta, verdict))
    else:
        print_diff(Console(highlight=False), delta, verdict)
    return _STATUS[verdict.kind]


def _tolerance(text: str) -> tuple[str, float]:
    metric, _, size = text.partition("=")
    try:
        value = float(size)
    except ValueError:
        value = -1.0
    if not metric or not 0 <= value < float("inf"):
        raise click.UsageError(f"--tolerance {text}: write it as METRIC=SIZE, with a size of 0 or more")
    return metric, value
