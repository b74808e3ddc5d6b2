"""The scoreboard: a table, one sentence, and the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from parity.jsonfloat import dumps
from parity.report.wording import NOTHING
from parity.scoreboard.score import RIGHT_STAGE, CanaryStatus, Score, Scoreboard

SCHEMA = 2

if TYPE_CHECKING:
    from rich.console import Console

    from parity.scoreboard.sensitivity import Sensitivity

_STYLE = {
    CanaryStatus.CAUGHT: "green",
    CanaryStatus.QUIET: "green",
    CanaryStatus.MISSED: "bold red",
    CanaryStatus.FALSE_ALARM: "bold red",
    CanaryStatus.NOT_RUN: "bold magenta",
}
_FINE = {CanaryStatus.CAUGHT, CanaryStatus.QUIET}


def sentence(board: Scoreboard) -> str:
    """The scoreboard in one sentence."""
    total = len(board.faults)
    if not total and not board.not_run:
        return "No known fault was run, so this proves nothing."
    quiet, cells = len(board.having(CanaryStatus.QUIET)), board.identical.cells
    parts = [
        f"{board.caught} of {total} faults caught",
        f"{board.stages_right} at their stage",
        f"{board.steps_right} at their first step",
        f"{board.false_alarms} false alarms in {quiet + len(board.having(CanaryStatus.FALSE_ALARM))} harmless changes "
        f"and {cells} cells of identical arms",
    ]
    if board.not_run:
        parts.append(f"{board.not_run} could not be run")
    return f"{'; '.join(parts)}."


def print_canaries(console: Console, board: Scoreboard) -> None:
    """The table, what went wrong, the smallest faults that are caught, and the sentence."""
    console.print(_table(board))
    for each in board.scores:
        if each.status is CanaryStatus.NOT_RUN:
            console.print(Text(f"{each.canary.name} could not be run: {each.reason}", style="magenta"), soft_wrap=True)
    for line in (*board.identical.alarms, *board.identical.not_run):
        console.print(Text(f"identical arms: {line}", style="red"), soft_wrap=True)
    if board.sensitivity:
        console.print()
        console.print(_sensitivities(board))
    console.print()
    style = "bold green" if board.passed and not board.not_run else "bold red"
    console.print(Text(sentence(board), style=style), soft_wrap=True)
    if board.faults and board.stages_right < RIGHT_STAGE * len(board.faults):
        console.print(Text(f"the stage was named right for fewer than {RIGHT_STAGE:.0%} of the faults", style="red"))


def print_misjudged(console: Console, board: Scoreboard) -> None:
    """Of the canaries of a run, those that were misjudged or could not be run."""
    for each in board.scores:
        if each.status not in _FINE:
            said = f"✗ known fault {each.canary.name} ({each.canary.fault}): {each.status}"
            console.print()
            console.print(Text(said, style=_STYLE[each.status]), soft_wrap=True)
            console.print(Text(f"  {each.verdict}: {each.reason}"), soft_wrap=True)
    for line in board.identical.alarms:
        console.print()
        console.print(Text(f"✗ identical arms: {line}", style="red"), soft_wrap=True)


def _table(board: Scoreboard) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("canary", "fault", "stage", "step", ""):
        table.add_column(name, overflow="fold", no_wrap=name in {"canary", ""})
    for each in board.scores:
        mark = "✓" if each.status in _FINE else "✗"
        table.add_row(
            Text(each.canary.name),
            Text(each.canary.fault),
            Text(stage_in_words(each), style="" if _as_declared(each.stage_right, each) else "yellow"),
            Text(step_in_words(each), style="" if _as_declared(each.step_right, each) else "yellow"),
            Text(f"{mark} {each.status}", style=_STYLE[each.status]),
        )
    return table


def stage_in_words(each: Score) -> str:
    """`clip`, or `gradient → clip` where a different stage was named."""
    wanted = NOTHING if each.canary.stage is None else str(each.canary.stage)
    named = NOTHING if each.at is None or each.at.stage is None else str(each.at.stage)
    return wanted if wanted == named else f"{wanted} → {named}"


def step_in_words(each: Score) -> str:
    """`2`, or `2 → 3` where it was seen at a different step."""
    wanted = NOTHING if each.canary.step is None else str(each.canary.step)
    seen = NOTHING if each.at is None else str(each.at.step)
    return wanted if wanted == seen else f"{wanted} → {seen}"


def _as_declared(right: bool, each: Score) -> bool:
    return right or each.status is CanaryStatus.QUIET


def _sensitivities(board: Scoreboard) -> Table:
    title = Text("the smallest effect that is still caught", style="bold")
    table = Table(box=None, header_style="bold", pad_edge=False, title=title, title_justify="left")
    for name in ("effect", "stage", "× (1 + 2⁻ᵏ), k", "seen in"):
        table.add_column(name)
    for each in board.sensitivity:
        table.add_row(each.graded.effect, str(each.graded.stage), _size(each), each.metric or each.failure)
    return table


def _size(each: Sensitivity) -> str:
    return NOTHING if each.k is None else str(each.k)


def render_canaries(board: Scoreboard) -> str:
    """What `parity canaries --json` writes."""
    return dumps({"schema": SCHEMA, **canaries_tree(board)}, indent=2)


def canaries_tree(board: Scoreboard) -> dict[str, Any]:
    """A scoreboard as JSON types."""
    return {
        "summary": sentence(board),
        "passed": board.passed and not board.not_run,
        "seconds": round(board.seconds, 1),
        "totals": {
            "faults": len(board.faults),
            "caught": board.caught,
            "stage_right": board.stages_right,
            "step_right": board.steps_right,
            "harmless": sum(each.canary.harmless for each in board.scores),
            "identical_cells": board.identical.cells,
            "false_alarms": board.false_alarms,
            "not_run": board.not_run,
        },
        "canaries": [_tree(each) for each in board.scores],
        "identical": {"alarms": list(board.identical.alarms), "not_run": list(board.identical.not_run)},
        "sensitivity": [
            {
                "name": each.graded.name,
                "effect": each.graded.effect,
                "stage": each.graded.stage,
                "k": each.k,
                "metric": each.metric,
                "failure": each.failure,
            }
            for each in board.sensitivity
        ],
    }


def _tree(each: Score) -> dict[str, Any]:
    at = each.at
    return {
        "canary": each.canary.name,
        "fault": each.canary.fault,
        "provider": each.canary.on.provider,
        "harmless": each.canary.harmless,
        "status": each.status,
        "verdict": each.verdict,
        "reason": each.reason,
        "expected": None if each.canary.harmless else {"stage": each.canary.stage, "step": each.canary.step},
        "seen": None if at is None else {"stage": at.stage, "step": at.step, "metric": at.metric},
        "stage_right": each.stage_right,
        "step_right": each.step_right,
    }
