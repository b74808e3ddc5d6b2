"""The report as markdown: the verdict first, then what was not as expected, then the rest.

A comment of a pull request holds less than a page of a run, so detail is left out in a stated order until it fits.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from parity.gate.sentence import sentence
from parity.report import wording
from parity.report.chart import charts
from parity.report.escape import as_code, escaped
from parity.report.fitting import Detail, Part, fitted
from parity.report.summary import rows
from parity.report.templating import templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jinja2 import Environment

    from parity.gate.result import RunResult
    from parity.judge.result import CellResult, ProbeResult

MARKER = "<!-- mlx-parity -->"
"""The first line of a comment, by which it is found and updated."""
COMMENT = 60_000
"""Characters. GitHub takes 65,536; a marker and a last line are added."""
PAGE = 250_000
"""Characters, of at most four bytes each: a step summary holds 1 MiB."""
_LEAST = 50
"""Fewest characters of a row of the table."""
_NAMED = 3
_NAME = 80
"""Characters of a probe's name on the shortest page."""


def render_markdown(result: RunResult, *, limit: int = PAGE) -> str:
    """The page of a run, in at most `limit` characters."""
    return _render(result, limit)


def render_comment(result: RunResult, *, limit: int = COMMENT) -> str:
    """The same for a comment, in at most `limit` characters; what each arm executed is left out first."""
    return _render(result, limit)


def render_explanation(tree: Mapping[str, Any]) -> str:
    """One explanation as a page."""
    return f"# {escaped(tree['probe'])}\n\n" + _templates().get_template("explanation.md.jinja").render(tree=tree)


def _render(result: RunResult, limit: int) -> str:
    template = _templates().get_template("run.md.jinja")
    if _LEAST * sum(not each.expected for each in result.probes) > limit:
        return _barest(result, limit)
    for named in (None, _NAMED, 0):
        page = partial(template.render, result=result, parts=Part, sentence=sentence(result, named=named))
        if found := fitted(page, limit):
            return found
    return _barest(result, limit)


def _barest(result: RunResult, limit: int) -> str:
    """The verdict, and the names of as many unexpected probes as fit."""
    page = f"{wording.mark(result)} **{escaped(sentence(result, named=0))}**\n"
    others = [f"\n- {escaped(each.probe.name[:_NAME])}" for each in result.probes if not each.expected]
    for number, line in enumerate(others):
        rest = f"\n- and {len(others) - number} more"
        if len(page) + len(line) + len(rest) >= limit:
            return page + rest + "\n"
        page += line
    return page + "\n"


def _unmet_cells(probe: ProbeResult, detail: Detail) -> Sequence[CellResult]:
    odd = [cell for cell in probe.cells if not cell.meets(probe.probe.expect)]
    return odd if detail.has(Part.ROW) else odd[:1]


def _missing_seeds(probe: ProbeResult, detail: Detail) -> Sequence[int]:
    return probe.missing if detail.has(Part.ROW) else probe.missing[:1]


def _charts(cell: CellResult | None) -> tuple[str, ...]:
    return () if cell is None else charts(cell)


def _environments(result: RunResult) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each environment once, with the names of its probes where there are several environments."""
    found: list[tuple[Mapping[str, Any], list[str]]] = []
    for probe in (each for each in result.probes if each.provenance):
        names = next((names for header, names in found if header == probe.provenance), None)
        if names is None:
            found.append((probe.provenance, [probe.probe.name]))
        else:
            names.append(probe.probe.name)
    for header, names in found:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield (f"{names[0]}{more}" if len(found) > 1 else ""), header


@cache
def _templates() -> Environment:
    return templates(
        html=False,
        as_code=as_code,
        charts=_charts,
        environments=_environments,
        escaped=escaped,
        missing_seeds=_missing_seeds,
        rows=rows,
        unmet_cells=_unmet_cells,
    )
