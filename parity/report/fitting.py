"""A page that has to fit: what is left out first. The verdict never is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.judge.result import ProbeResult


class Part(StrEnum):
    """What a page has in addition to its verdict."""

    EXECUTED = "what each arm executed"
    METRICS = "every metric"
    DIFFERENCES = "settings that differ"
    CURVES = "curves"
    SECTION = "sections"
    TOPIC = "what is counted above"
    EXPLANATION = "evidence for the cause"
    ENVIRONMENT = "environments"
    ROW = "rows"


@dataclass(frozen=True, kw_only=True)
class Omission:
    """One part of the page that is left out."""

    part: Part
    everywhere: bool
    """True: of all probes; False: only of those that are as expected."""

    def __str__(self) -> str:
        return str(self.part) if self.everywhere else f"{self.part} of probes that are as expected"


ORDER = tuple(
    Omission(part=part, everywhere=everywhere)
    for part, everywhere in (
        (Part.EXECUTED, False),
        (Part.METRICS, False),
        (Part.DIFFERENCES, False),
        (Part.CURVES, False),
        (Part.SECTION, False),
        (Part.TOPIC, True),
        (Part.EXECUTED, True),
        (Part.METRICS, True),
        (Part.DIFFERENCES, True),
        (Part.CURVES, True),
        (Part.ROW, False),
        (Part.EXPLANATION, True),
        (Part.ENVIRONMENT, True),
        (Part.SECTION, True),
        (Part.ROW, True),
    )
)
"""What is left out first, first. Without rows, a probe that is not as expected keeps its first unmet row."""


@dataclass(frozen=True, kw_only=True)
class Detail:
    """How much of a page is there."""

    left_out: tuple[Omission, ...] = ()

    def has(self, part: Part, probe: ProbeResult | None = None) -> bool:
        """Whether a part is shown: of this probe, or of any."""
        met = probe is None or probe.expected
        return not any(each.part is part and (each.everywhere or met) for each in self.left_out)


def fitted(render: Callable[..., str], limit: int) -> str | None:
    """The fullest page of at most `limit` characters, found by bisection; None where even the barest is longer.

    Args:
        render: makes the page of its keyword `detail`.
        limit: in characters.

    """
    fits, page = len(ORDER), render(detail=Detail(left_out=ORDER))
    if len(page) > limit:
        return None
    too_long = -1
    while fits - too_long > 1:
        tried = (fits + too_long) // 2
        fuller = render(detail=Detail(left_out=ORDER[:tried]))
        if len(fuller) <= limit:
            fits, page = tried, fuller
        else:
            too_long = tried
    return page
