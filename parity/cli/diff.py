"""`parity diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.errors import ExitStatus, NotKeptError, ParityError, nearest
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.judge.comparison import Comparison

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
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write report.md and report.html into this folder too; nothing is overwritten.",
)
def diff_command(
    reference: str, candidate: str, metrics: str, tolerance: tuple[str, ...], report: Path | None, *, as_json: bool
) -> ExitStatus:
    """Compare two traces, or two logs, and say at which step and stage they first differ.

    Each side is a folder that `parity trace` wrote, a trace, a trainer_state.json of Hugging Face, the log that
    mlx_lm.lora printed, or a CSV or JSON Lines log with a `step` column. FILE::COLUMN reads one column of a table as
    the loss. The columns `iteration` and `iter` are read as step, `train_loss` as loss, `learning_rate` as lr and
    `n_tokens` as tokens.
    """
    from parity.cli.common import console_for
    from parity.judge.comparison import compare
    from parity.judge.recorded import read_recorded
    from parity.judge.result import gravest
    from parity.report.comparison import print_comparison
    from parity.report.json import render_comparisons

    wanted = [name for name in metrics.split(",") if name]
    accepted = dict(map(_tolerance, tolerance))
    if report is not None:
        _check_report(report)
    sides = [read_recorded(name, wanted) for name in (reference, candidate)]
    found = compare(*sides, tolerance=accepted, metrics=wanted, drawn=report is not None)
    _check_tolerance(accepted, found)
    if as_json:
        click.echo(render_comparisons(found))
    else:
        for each in found:
            print_comparison(console_for(), each)
    if report is not None:
        _write_report(report, found, (reference, candidate))
    return _STATUS[gravest(each.verdict.kind for each in found)]


def _tolerance(text: str) -> tuple[str, float]:
    metric, _, size = text.partition("=")
    try:
        value = float(size)
    except ValueError:
        value = -1.0
    if not metric or not 0 <= value < float("inf"):
        raise click.UsageError(f"--tolerance {text}: write it as METRIC=SIZE, with a size of 0 or more")
    return metric, value


def _check_tolerance(accepted: dict[str, float], found: Sequence[Comparison]) -> None:
    compared = {metric for each in found for metric in each.verdict.metrics}
    for metric in accepted.keys() - compared if compared else ():
        raise ParityError(f"--tolerance {metric}: not compared; {nearest(metric, compared)}")


def _check_report(folder: Path) -> None:
    """Said before two large logs are read, not after."""
    for name in ("report.md", "report.html"):
        if (folder / name).exists():
            raise ParityError(f"--report {folder}: has a {name}; name another folder, nothing is overwritten")


def _write_report(folder: Path, found: Sequence[Comparison], names: tuple[str, str]) -> None:
    from parity.files import write_whole
    from parity.report.comparison import comparison_html, comparison_markdown

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "report.md", comparison_markdown(found, names))
        write_whole(folder / "report.html", comparison_html(found, names))
    except OSError as error:
        raise NotKeptError(f"--report {folder}: cannot be written ({error.strerror})") from None
