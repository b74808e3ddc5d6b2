"""What a person reads at the end of a run: one table and one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from parity.gate.sentence import sentence
from parity.judge.diff import ProblemKind
from parity.judge.result import CellResult, ProbeResult, wanted
from parity.probe.values import VerdictKind
from parity.report.canaries import print_sample
from parity.report.golden import absent_line, golden_lines, passed_over_lines
from parity.report.wording import (
    NO_MODEL,
    NOTHING,
    cannot_show,
    controlled,
    discordant,
    loss_gap,
    number,
    place,
    postponed,
    setting,
    signed,
    smallest_tolerance,
    ulps,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from parity.gate.result import RunResult
    from parity.judge.blind_spots import BlindSpot
    from parity.judge.diff import Delta
    from parity.judge.verdict import Verdict

_STYLE = {
    VerdictKind.IDENTICAL: "green",
    VerdictKind.WITHIN: "green",
    VerdictKind.DIVERGED: "red",
    VerdictKind.INCONCLUSIVE: "yellow",
    VerdictKind.INVALID: "magenta",
}
_SHOWN = 20
_ONE_SIDED = {ProblemKind.MISSING_METRIC, ProblemKind.EXTRA_METRIC}


def print_run(console: Console, result: RunResult, *, verbose: bool = False) -> None:
    """The table by probe and seed, what there is to know beside it, and the sentence."""
    console.print(_table(result))
    for probe in result.probes:
        if probe.cells and probe.cells[0].differences and (len(result.probes) == 1 or not probe.expected):
            console.print()
            console.print(_differences(probe))
            console.print()
    for line in (*_notes(result), *_goldens(result)):
        console.print(line, soft_wrap=True)
    print_limits(console, {probe.probe.name: probe.blind_spots for probe in result.probes if probe.kind.passes})
    if result.controls:
        console.print(Text(controlled(result), style="dim"), soft_wrap=True)
    if result.canaries is not None:
        print_sample(console, result.canaries)
    console.print()
    style = "bold green" if result.expected else "bold yellow" if result.undecided else "bold red"
    console.print(Text(sentence(result), style=style), soft_wrap=True)


def print_diff(console: Console, delta: Delta, verdict: Verdict) -> None:
    """The unequal rows of a delta table, the first few, and the verdict."""
    unequal = delta.unequal
    if len(unequal):
        table = Table(box=None, header_style="bold")
        for name in ("step", "stage", "metric", "reference", "candidate", "Δ", "ULPs"):
            table.add_column(name, justify="left" if name in {"stage", "metric"} else "right", overflow="fold")
        for row in unequal.head(_SHOWN).to_dict("records"):
            gap = NOTHING if row["delta"] != row["delta"] else signed(row["delta"])
            count = ulps(int(row["ulp"])) if isinstance(row["ulp"], int) else NOTHING
            values = (number(row["reference"]), number(row["candidate"]))
            table.add_row(str(row["step"]), row["stage"], escape(row["metric"]), *map(escape, values), gap, count)
        console.print(table)
        for row in unequal[unequal["detail"] != ""].to_dict("records"):
            console.print(Text(f"{row['metric']} at step {row['step']}: {row['detail']}", style="dim"), soft_wrap=True)
        if len(unequal) > _SHOWN:
            console.print(f"and {len(unequal) - _SHOWN} more of {len(delta.table)} compared values", style="dim")
    style = _STYLE[verdict.kind]
    console.print(Text(f"{verdict.kind}: {verdict.reason}", style=f"bold {style}"), soft_wrap=True)
    if any(problem.kind in _ONE_SIDED for problem in verdict.problems):
        console.print("to compare only what both have, name it: --metrics loss", style="dim")
    if verdict.kind is VerdictKind.DIVERGED and (tolerance := smallest_tolerance(verdict)):
        console.print(f"smallest tolerance that would pass: {tolerance}", style="dim", soft_wrap=True)


def _table(result: RunResult) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("probe", overflow="fold")
    table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("first divergence, reference → candidate", min_width=20, overflow="fold")
    table.add_column("max |Δ loss|", min_width=12, no_wrap=True)
    for position, probe in enumerate(result.probes):
        if position:
            table.add_row()
        rows = [_row(probe, cell) for cell in probe.cells]
        rows += [iter((str(seed), *_not_run(probe))) for seed in probe.missing]
        for index, row in enumerate(rows):
            table.add_row(_name(probe) if index == 0 else "", *row)
    return table


def _not_run(probe: ProbeResult) -> tuple[Text, ...]:
    """A seed without a cell, and what kept it from having one where that is neither a pass nor a fail."""
    if probe.not_run:
        return Text("– not run:", style="yellow"), Text(NO_MODEL, style="yellow")
    return (Text("✗ not run", style="bold magenta"),)


def _differences(probe: ProbeResult) -> Table:
    """What the two arms really do differently, of the first seed."""
    title = Text(f"{probe.probe.name}: what really ran differently", style="bold")
    table = Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left")
    for name in ("effective", "reference", "candidate", ""):
        table.add_column(name, overflow="fold")
    for each in probe.cells[0].differences:
        how = Text("declared" if each.declared else "only effective", style="dim" if each.declared else "yellow")
        table.add_row(escape(each.name), escape(setting(each.reference)), escape(setting(each.candidate)), how)
    return table


def print_limits(console: Console, blind: Mapping[str, Sequence[BlindSpot]]) -> None:
    """What probes, by name, could not show if it differed; once for those that share it."""
    texts = {name: cannot_show(spots) for name, spots in blind.items() if spots}
    for text in dict.fromkeys(texts.values()):
        names = [name for name, said in texts.items() if said == text]
        named = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
        console.print(Text(f"{named} cannot show: {text}", style="dim"))


def _name(probe: ProbeResult) -> Text:
    return Text.assemble(probe.probe.name, "\n", (f"{probe.probe.workload.steps} steps", "dim"))


def _row(probe: ProbeResult, cell: CellResult) -> Iterator[str | Text]:
    at = cell.first_divergence
    met = cell.meets(probe.probe.expect)
    style = _STYLE[cell.kind] if not met or cell.kind is not VerdictKind.DIVERGED else "yellow"
    yield str(cell.seed)
    yield Text(f"{'✓' if met else '✗'} {cell.kind}", style=style if met else f"bold {style}")
    yield escape(place(at) + ("\n" + values(at) if at else ""))
    yield loss_gap(cell)


def _notes(result: RunResult) -> Iterator[Text]:
    yield from (Text(line, style="dim") for line in postponed(result))
    for probe in result.probes:
        for name, outcome in probe.outcomes.items():
            style = "bold red" if name in probe.unmet_outcomes else "green" if probe.declares(name) else "default"
            said = f"{probe.probe.name}: {probe.mark(name)}{name} {outcome.kind}: {outcome.reason}"
            yield Text(said, style=style)
            yield from (Text(f"  {line}", style="dim") for line in discordant(outcome))
        for warned in (*probe.warnings, *probe.strays):
            yield Text(f"{probe.probe.name}: {warned}", style="yellow")
        for cell in probe.cells:
            where = f"{probe.probe.name}, seed {cell.seed}"
            if cell.note:
                yield Text(f"{where}: {cell.note}", style="yellow")
            if cell.meets(probe.probe.expect):
                continue
            yield Text(f"{where}: {cell.reason}; expected {wanted(probe.probe.expect)}", style="red")
            verdict = cell.verdict if cell.kind is VerdictKind.DIVERGED else None
            if verdict is not None and (tolerance := smallest_tolerance(verdict)):
                yield Text(f"  smallest tolerance that would pass: {tolerance}", style="dim")


def _goldens(result: RunResult) -> Iterator[Text]:
    for probe in result.probes:
        for line, moved in golden_lines(probe, result.goldens):
            style = "dim" if not moved else "red" if result.moved else "yellow"
            yield Text(f"{probe.probe.name}, {line}", style=style)
    yield from (Text(f"⚠ {line}", style="yellow") for line in result.upstream)
    for line in (absent_line(result.goldens), *passed_over_lines(result.goldens)):
        if line:
            yield Text(line, style="dim")
