"""The screen at the end of a run: a sentence, what was not as expected, a line a probe, counts of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from parity.gate.sentence import sentence
from parity.probe.values import VerdictKind
from parity.report.canaries import print_misjudged
from parity.report.escape import visible
from parity.report.summary import findings, rows
from parity.report.topics import topics
from parity.report.wording import setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from parity.gate.result import RunResult
    from parity.judge.result import ProbeResult
    from parity.report.summary import Finding, Row
    from parity.report.topics import Topic

_NAMED = 3
_LONGEST_NAME = 34
_SHORTEST_NAME = 16
_LONGEST_TOLERANCE = 20
_GAP = 2
"""Columns between two columns of a table."""


def print_run(console: Console, result: RunResult, *, verbose: bool = False) -> None:
    """The screen at the end of a run.

    Args:
        console: where to.
        result: of the run.
        verbose: print what is otherwise only counted, and what the arms really did differently.

    """
    style = "bold green" if result.expected else "bold yellow" if result.undecided else "bold red"
    # A terminal is wrapped at words; a log has the sentence on one line, so that it can be searched for.
    console.print(Text(visible(sentence(result, named=_NAMED)), style=style), soft_wrap=not console.is_terminal)
    for finding in findings(result):
        console.print()
        print_finding(console, finding)
    if result.canaries is not None:
        print_misjudged(console, result.canaries)
    if rest := rows(result):
        console.print()
        console.print(_table(rest, console.width))
    if known := topics(result):
        console.print()
        _print_topics(console, known, verbose=verbose)
    for probe in result.probes if verbose else ():
        if probe.cells and probe.cells[0].differences:
            console.print()
            console.print(_differences(probe))


def print_finding(console: Console, finding: Finding) -> None:
    """A probe that is not as expected: its question, what was found, and the command that goes on from there."""
    probe = finding.probe
    console.print(Text.assemble(("✗ ", "bold red"), (visible(probe.probe.name), "bold")), soft_wrap=True)
    console.print(Padding(Text(visible(probe.probe.question)), (0, 0, 0, 2)))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for label, text in finding.facts:
        table.add_row(f"  {label}", Text(visible(text), style="red" if label in {"found", "failed"} else ""))
    console.print(table)
    if finding.command:
        console.print(Text(f"  {visible(finding.command)}", style="bold"), soft_wrap=True)


def _table(rest: Sequence[Row], width: int) -> Table:
    """A line a probe; a name that is too long loses its middle, so that no row wraps."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
    others = [
        max(map(len, column))
        for column in zip(*((row.seeds, _verdict(row), row.diverges) for row in rest), strict=True)
    ]
    longest = min(_LONGEST_NAME, max(_SHORTEST_NAME, width - sum(others) - 3 * _GAP - 2))
    for name in ("probe", "seeds", "verdict", "diverges at"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for row in rest:
        style = "yellow" if row.mark != "✓" or row.verdict == VerdictKind.DIVERGED else "green"
        name = f"{row.mark} {_shortened(visible(row.probe.probe.name), longest)}"
        table.add_row(Text(name), row.seeds, Text(_verdict(row), style=style), Text(row.diverges))
    return table


def _verdict(row: Row) -> str:
    """`within (loss ±0.03)`; of several tolerances that are too long for a row, their number."""
    if len(row.tolerance) <= _LONGEST_TOLERANCE:
        return row.verdict + row.tolerance
    return f"{row.verdict} ({len(row.probe.probe.tolerance)} tolerances)"


def _shortened(name: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    half = (longest - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _print_topics(console: Console, known: Sequence[Topic], *, verbose: bool) -> None:
    width = max(len(topic.title) for topic in known)
    for topic in known:
        style = "yellow" if topic.is_warning else "dim"
        console.print(Text(f"{topic.title:<{width}}  {topic.count}", style=style))
        for line in topic.lines if verbose or topic.decides else ():
            console.print(Text(f"  {visible(line)}", style=style), soft_wrap=True)
    if not verbose:
        console.print(Text("-v prints these in full; so does the report", style="dim"))


def _differences(probe: ProbeResult) -> Table:
    """What the two arms really do differently, of the first seed."""
    title = Text(f"{visible(probe.probe.name)}: settings that differ", style="bold")
    table = Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left")
    for name in ("setting", "reference", "candidate", ""):
        table.add_column(name, overflow="fold")
    for each in probe.cells[0].differences:
        how = Text("declared" if each.declared else "undeclared", style="dim" if each.declared else "yellow")
        table.add_row(
            *(escape(visible(said)) for said in (each.name, setting(each.reference), setting(each.candidate))), how
        )
    return table
