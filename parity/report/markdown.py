"""The report as markdown: the verdict in the first line, then the table, then what it was said from."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from parity.gate import sentence
from parity.report import canaries, wording
from parity.report.golden import absent_line, golden_lines, passed_over_lines
from parity.result import wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.gate import RunResult

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def render_markdown(
    result: RunResult,
    provenance: Mapping[str, Mapping[str, Any]],
    explanations: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> str:
    """One page.

    Args:
        result: what was found.
        provenance: by probe name, the header of one of its candidate traces; a probe without one is left out.
        explanations: by probe name, as `parity.report.explanation.explanation_tree` makes them.

    """
    page = _templates().get_template("run.md.jinja")
    return page.render(result=result, sentence=sentence(result), provenance=provenance, explanations=explanations)


def render_explanation(tree: Mapping[str, Any]) -> str:
    """The section of one explanation, as a page of its own."""
    return f"# {escaped(tree['probe'])}\n\n" + _templates().get_template("explanation.md.jinja").render(tree=tree)


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("parity.report"),
        autoescape=False,  # noqa: S701 - not HTML: `escaped` below is applied in the template
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["NO_MODEL"] = wording.NO_MODEL
    environment.filters |= {
        "escaped": escaped,
        "number": wording.number,
        "signed": wording.signed,
        "ulps": wording.ulps,
        "place": wording.place,
        "values": wording.values,
        "loss_gap": wording.loss_gap,
        "cannot_show": wording.cannot_show,
        "controlled": wording.controlled,
        "postponed": wording.postponed,
        "discordant": wording.discordant,
        "setting": wording.setting,
        "stage_in_words": canaries.stage_in_words,
        "step_in_words": canaries.step_in_words,
        "wanted": wanted,
        "functions": wording.functions,
        "golden_lines": golden_lines,
        "absent_line": absent_line,
        "passed_over_lines": passed_over_lines,
        "smallest_tolerance": wording.smallest_tolerance,
    }
    return environment


def escaped(text: object) -> str:
    """Text from outside, harmless: no markup, no HTML, no mention, one line."""
    one_line = " ".join(str(text).split())
    plain = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return _SPECIAL.sub(r"\\\1", plain)
