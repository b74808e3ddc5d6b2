"""The report as one HTML page that needs no server: the verdict, the stages of each cell, curves.

What it says is text and is there without scripts; the curves alone are drawn by one. Styles and the script are let
through by the hash of their text, so that nothing that a trainer names can run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from parity.gate.sentence import sentence
from parity.jsonfloat import dumps, encode
from parity.judge.curves import thinned
from parity.probe.values import VerdictKind
from parity.report import wording
from parity.report.json import POINTS as LEAST
from parity.report.strip import strips
from parity.report.templating import templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jinja2 import Environment

    from parity.gate.result import RunResult
    from parity.judge.result import CellResult

POINTS = 3000
"""Of a curve, at most."""

_ALL_POINTS = 150_000
"""Of all curves of a page, roughly: about 5 MB of numbers."""

_IN_SCRIPT = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\N{LINE SEPARATOR}": "\\u2028",
        "\N{PARAGRAPH SEPARATOR}": "\\u2029",
    }
)


def render_html(result: RunResult) -> str:
    """One page that needs no other file."""
    most = points(result)
    return (
        _templates()
        .get_template("page.html.jinja")
        .render(
            result=result,
            sentence=sentence(result),
            probes=sorted(result.probes, key=lambda probe: probe.expected),
            seeds=sorted({seed for probe in result.probes for seed in probe.probe.workload.seeds}),
            curves=lambda cell: curve_data(cell, most),
            **page_parts(),
        )
    )


def page_parts() -> dict[str, Any]:
    """What every page is made of: its style, its script, and the policy that lets through these two alone."""
    style = _asset("uplot-1.6.32.min.css") + _asset("page.css")
    script = "\n".join([_licence(), _asset("uplot-1.6.32.min.js"), _asset("page.js")])
    return {
        "style": Markup(style),  # noqa: S704 - a file of this package
        "script": Markup(script),  # noqa: S704 - the same
        "policy": f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
    }


def points(result: RunResult) -> int:
    """How many points a curve of this run may have, so that a page with many curves can still be opened.

    No fewer than `results.json` keeps, however many there are.
    """
    drawn = sum(len(cell.curves) for probe in result.probes for cell in probe.cells)
    return max(LEAST, min(POINTS, _ALL_POINTS // max(drawn, 1)))


def curve_data(cell: CellResult, most: int) -> Markup:
    """The curves of a cell as JSON that cannot end the HTML element around it.

    A candidate that is equal throughout is `null`. What is not finite is text; what is missing is `null` too.
    """
    at, drawn, verdict = cell.first_divergence, {}, cell.verdict
    for name, curve in cell.curves.items():
        few = thinned(curve, most)
        left, right = encode(few.reference), encode(few.candidate)
        drawn[name] = {"steps": few.steps, "reference": left, "candidate": None if left == right else right}
    tree = {
        "step": None if at is None else at.step,
        "called": "first divergence" if cell.kind is VerdictKind.DIVERGED else "first difference",
        "floor": {} if verdict is None else {name: verdict.noise_floor.get(name, 0.0) for name in drawn},
        "recorded": cell.steps,
        "curves": drawn,
    }
    return in_script(tree)


def in_script(tree: Any) -> Markup:
    """A tree as JSON for a `<script type="application/json">`."""
    return Markup(dumps(tree).translate(_IN_SCRIPT))  # noqa: S704 - no `<`, `>` or `&` is left


def together(cells: Iterable[CellResult], told: Callable[[CellResult], Any]) -> list[tuple[str, Any]]:
    """What there is to tell of cells, once for all seeds with the same: `seeds 1, 42`, and what."""
    found: list[tuple[list[int], Any]] = []
    for cell in cells:
        said = told(cell)
        seeds = next((seeds for seeds, other in found if other == said), None)
        if seeds is None:
            found.append(([cell.seed], said))
        else:
            seeds.append(cell.seed)
    return [(wording.seeds(seeds), said) for seeds, said in found]


@cache
def _templates() -> Environment:
    return templates(
        html=True,
        differences=lambda probe: [each for each in together(probe.cells, _differences) if each[1]],
        executed=lambda probe: [each for each in together(probe.cells, _executed) if each[1]],
        strips=lambda probe: strips(probe.cells),
    )


def _differences(cell: CellResult) -> Any:
    return cell.differences


def _executed(cell: CellResult) -> Any:
    return {arm: ran for arm, ran in cell.executed.items() if ran}


def _asset(name: str) -> str:
    return (files("parity.report") / "assets" / name).read_text(encoding="utf-8")


def _licence() -> str:
    """The page contains a copy of uPlot, and therefore its licence."""
    return f"/*! uPlot 1.6.32\n{_asset('uplot-LICENSE.txt')}\n*/"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
