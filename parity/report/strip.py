"""The stages of a cell in the order of the flow: equal, diverging first, or differing as a possible consequence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from parity.metrics import METRICS, Stage
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from parity.judge.result import CellResult
    from parity.judge.verdict import FirstDivergence, MetricSummary, Verdict

_FLOW = tuple(Stage)

_FIRST = {VerdictKind.DIVERGED: "diverges first", VerdictKind.INCONCLUSIVE: "differs first, undecided"}


class State(StrEnum):
    """What is known of a stage of one cell."""

    EQUAL = "equal"
    """Every metric of it at every step."""
    FIRST = "first"
    """The stage of the first divergence."""
    FOLLOWS = "follows"
    """It differs later in the flow or at a later step, possibly as a consequence."""
    ALLOWED = "allowed"
    """It differs before the first divergence, within the noise floor or a tolerance."""
    UNKNOWN = "unknown"
    """Nothing of it was compared."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """One stage of one cell."""

    stage: Stage
    state: State
    step: int | None = None
    """At which it first differs; None where it does not, or was not compared."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """The nine stages of all cells with the same states."""

    cells: tuple[CellResult, ...]
    links: tuple[tuple[Stage, State, str], ...]
    """Stage, state and text: colour and position are never the only sign."""


def strips(cells: Iterable[CellResult]) -> list[Strip]:
    """The strips of a probe, one for all seeds with the same states; none for invalid cells."""
    alike: dict[tuple[object, ...], list[tuple[CellResult, tuple[Link, ...]]]] = {}
    for cell in cells:
        if links := strip(cell):
            alike.setdefault((cell.kind, *((link.stage, link.state) for link in links)), []).append((cell, links))
    return [_strip(group) for group in alike.values()]


def strip(cell: CellResult) -> tuple[Link, ...]:
    """The nine stages of a cell; none where it is invalid."""
    verdict = cell.verdict
    if verdict is None or verdict.kind is VerdictKind.INVALID:
        return ()
    return tuple(_link(stage, verdict, _of(stage, verdict.metrics)) for stage in _FLOW)


def _of(stage: Stage, metrics: Mapping[str, MetricSummary]) -> list[MetricSummary]:
    return [summary for name, summary in metrics.items() if name in METRICS and METRICS[name].stage is stage]


def _link(stage: Stage, verdict: Verdict, compared: Sequence[MetricSummary]) -> Link:
    at = verdict.first_divergence
    step = min((summary.first_step for summary in compared if summary.first_step is not None), default=None)
    if at is not None and at.stage is stage:
        return Link(stage=stage, state=State.FIRST, step=at.step)
    if step is None:
        return Link(stage=stage, state=State.EQUAL if compared else State.UNKNOWN)
    is_before = at is not None and _is_before(step, stage, at)
    return Link(stage=stage, state=State.ALLOWED if is_before else State.FOLLOWS, step=step)


def _is_before(step: int, stage: Stage, at: FirstDivergence) -> bool:
    return at.stage is not None and (step, _FLOW.index(stage)) < (at.step, _FLOW.index(at.stage))


def _strip(group: Sequence[tuple[CellResult, tuple[Link, ...]]]) -> Strip:
    kind = group[0][0].kind
    by_stage = zip(*(links for _, links in group), strict=True)
    return Strip(
        cells=tuple(cell for cell, _ in group),
        links=tuple((links[0].stage, links[0].state, _said(links[0].state, kind, links)) for links in by_stage),
    )


def _said(state: State, kind: VerdictKind, links: Iterable[Link]) -> str:
    steps = _steps({link.step for link in links if link.step is not None})
    match state:
        case State.EQUAL:
            return "equal"
        case State.UNKNOWN:
            return "not compared"
        case State.FOLLOWS:
            return f"differs from {steps}; may be a consequence"
        case State.ALLOWED:
            return f"differs from {steps}, within what is allowed"
        case State.FIRST:
            return f"{_FIRST.get(kind, 'differs first, within what is allowed')}: {steps}"


def _steps(steps: set[int]) -> str:
    """`step 3`, or over seeds `step 3–5`; 0 is before training."""
    first, last = min(steps, default=0), max(steps, default=0)
    return f"step {first}" if first == last else f"step {first}–{last}"
