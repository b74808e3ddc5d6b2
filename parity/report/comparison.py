"""What `parity diff` says of two recordings: on a terminal, as markdown, and as one HTML page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from parity.judge.problems import ProblemKind
from parity.judge.result import gravest
from parity.probe.values import VerdictKind
from parity.report.chart import charts
from parity.report.escape import as_code, escaped, visible
from parity.report.html import POINTS, curve_data, page_parts
from parity.report.strip import strips
from parity.report.templating import templates
from parity.report.wording import NOTHING, number, signed, smallest_tolerance, ulps

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from jinja2 import Environment
    from rich.console import Console

    from parity.judge.comparison import Comparison
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
_ON_PAGE = 200
"""Unequal values of a table, at most."""
_ONE_SIDED = {ProblemKind.MISSING_METRIC, ProblemKind.EXTRA_METRIC}


def print_comparison(console: Console, of: Comparison) -> None:
    """The first unequal rows of a delta table, the verdict, and what the two files cannot show."""
    if of.name:
        console.print(Text(of.name, style="bold"))
    print_delta(console, of.delta, of.verdict, also(of))


def print_delta(console: Console, delta: Delta, verdict: Verdict, lines: Iterable[str] | None = None) -> None:
    """The first unequal rows of a delta table, the verdict, and lines after it.

    Args:
        console: where to.
        delta: what was measured.
        verdict: what follows from it.
        lines: as `also` gives them; None: those that follow from the verdict.

    """
    rows = unequal(delta, _SHOWN)
    if rows:
        console.print(_table(rows))
    for row in rows:
        if row["detail"]:
            said = f"{row['metric']} at step {row['step']}: {row['detail']}"
            console.print(Text(visible(said), style="dim"), soft_wrap=True)
    if len(delta.unequal) > _SHOWN:
        console.print(f"and {len(delta.unequal) - _SHOWN} more of {len(delta.table)} compared values", style="dim")
    said = visible(f"{verdict.kind}: {verdict.reason}")
    console.print(Text(said, style=f"bold {_STYLE[verdict.kind]}"), soft_wrap=True)
    for line in _advice(verdict) if lines is None else lines:
        console.print(Text(visible(line), style="dim"), soft_wrap=True)


def also(of: Comparison) -> Iterator[str]:
    """What is said after a verdict, in lines."""
    if of.cell.note:
        yield of.cell.note
    yield from map(str, (*of.cell.alarms, *of.cell.warnings, *of.cell.strays))
    yield from (f"cannot show {clause}" for clause in of.blind)
    if of.left_out:
        yield f"left out: {', '.join(of.left_out)}"
    yield from _advice(of.verdict)


def _advice(verdict: Verdict) -> Iterator[str]:
    if any(problem.kind in _ONE_SIDED for problem in verdict.problems):
        yield "to compare only what both have, name it: --metrics loss"
    if verdict.kind is VerdictKind.DIVERGED and (tolerance := smallest_tolerance(verdict)):
        yield f"within at tolerance {tolerance}"


def unequal(delta: Delta, most: int) -> list[dict[Hashable, Any]]:
    """The first unequal rows of a delta table, with their sizes as text."""
    return [
        row
        | {
            "delta": NOTHING if row["delta"] != row["delta"] else signed(row["delta"]),
            "ulp": ulps(int(row["ulp"])) if isinstance(row["ulp"], int) else NOTHING,
        }
        for row in delta.unequal.head(most).to_dict("records")
    ]


def comparison_markdown(found: Sequence[Comparison], names: tuple[str, str]) -> str:
    """The page of a comparison as markdown.

    Args:
        found: by rank, or one.
        names: what was named as the reference and as the candidate.

    """
    return _markdown().get_template("comparison.md.jinja").render(**_parts(found, names))


def comparison_html(found: Sequence[Comparison], names: tuple[str, str]) -> str:
    """The same as one HTML page that needs no other file."""
    page = _html().get_template("comparison.html.jinja")
    return page.render(curves=lambda cell: curve_data(cell, POINTS), **page_parts(), **_parts(found, names))


def _parts(found: Sequence[Comparison], names: tuple[str, str]) -> dict[str, Any]:
    kind = gravest(each.verdict.kind for each in found)
    return {"found": found, "names": names, "kind": kind, "passes": kind.passes, "shown": _ON_PAGE}


def _table(rows: Sequence[dict[Hashable, Any]]) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("step", "stage", "metric", "reference", "candidate", "Δ", "ULPs"):
        table.add_column(name, justify="left" if name in {"stage", "metric"} else "right", overflow="fold")
    for row in rows:
        texts = (row["metric"], number(row["reference"]), number(row["candidate"]))
        table.add_row(
            str(row["step"]), row["stage"], *(escape(visible(each)) for each in texts), row["delta"], row["ulp"]
        )
    return table


@cache
def _markdown() -> Environment:
    return templates(html=False, also=also, as_code=as_code, charts=charts, escaped=escaped, unequal=unequal)


@cache
def _html() -> Environment:
    return templates(html=True, also=also, strips=lambda of: strips([of.cell]), unequal=unequal)
