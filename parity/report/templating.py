"""The templates of the pages, and the filters that all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from parity.judge.result import in_short, wanted
from parity.report import canaries, summary, wording
from parity.report.escape import visible
from parity.report.golden import golden_lines
from parity.report.topics import topics

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = {
    "blind_spots": wording.blind_spots,
    "discordant": wording.discordant,
    "findings": summary.findings,
    "functions": wording.functions,
    "golden_lines": golden_lines,
    "in_short": in_short,
    "loss_gap": wording.loss_gap,
    "mark": wording.mark,
    "noise_lines": wording.noise_lines,
    "number": wording.number,
    "place": wording.place,
    "seeds": wording.seeds,
    "setting": wording.setting,
    "signed": wording.signed,
    "smallest_tolerance": wording.smallest_tolerance,
    "stage_in_words": canaries.stage_in_words,
    "step_in_words": canaries.step_in_words,
    "tolerance": wording.tolerance,
    "topics": topics,
    "ulps": wording.ulps,
    "values": wording.values,
    "wanted": wanted,
}


def _visible(value: Any) -> Any:
    """Text from outside with what cannot be seen by name; markup is ours."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def templates(*, html: bool, **words: Callable[..., Any]) -> Environment:
    """The templates in the folder `templates`.

    Args:
        html: whether all text is escaped for HTML; markdown uses the filter `escaped`.
        words: filters of this page only.

    """
    environment = Environment(
        loader=PackageLoader("parity.report"),
        autoescape=html,  # noqa: S701 - of markdown: `escaped` is applied in the template
        undefined=StrictUndefined,
        keep_trailing_newline=not html,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible if html else None,
    )
    environment.filters |= _WORDS | words
    return environment
