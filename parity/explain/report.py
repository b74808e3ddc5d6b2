"""An explanation on the terminal and as JSON: one sentence, then evidence, the cause, and what was ruled out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from parity.explain.wording import exhibit_lines, lockstep_rows, lockstep_sentence
from parity.probe.values import VerdictKind
from parity.report.json import SCHEMA
from parity.report.wording import place, setting, values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from parity.explain.exhibits import Exhibit
    from parity.explain.explanation import Cause, Explanation
    from parity.explain.factors import Factor
    from parity.explain.lockstep import Lockstep
    from parity.judge.result import CellResult


_NUMBERS = {2: "two", 3: "three", 4: "four"}


def sentence(explained: Explanation) -> str:
    """Where the arms diverge first, and which stages restore parity."""
    baseline, probe = explained.baseline, explained.probe
    if explained.is_identical:
        return f"Nothing to explain: {probe.name} is {baseline.kind}."
    if baseline.kind is VerdictKind.INVALID or baseline.first_divergence is None:
        return f"Not explained: {probe.name} is {baseline.kind}: {baseline.reason}."
    start = f"The arms diverge at {place(baseline.first_divergence)}"
    if not explained.causes:
        why = "the limit on runs was reached" if explained.exhausted else "swapping stages does not restore parity"
        best = explained.best
        left = f"; swapping {_and(best.stages)} gets furthest, to {_where(best.result)}" if best else ""
        return f"{start}. No cause was found: {why}{left}."
    sets = [_and(factor.stage for factor in cause.factors) for cause in explained.causes]
    first = explained.causes[0]
    which = sets[0] if len(sets) == 1 else f"one of these ({'; '.join(sets)})"
    size = len(first.factors)
    all_ran = all(trial.result.verdict is not None for trial in explained.ruled_out)
    less = f"; fewer than these {_NUMBERS.get(size, size)} are not enough" if size > 1 and all_ran else ""
    return f"{start}. With {which} from the reference the candidate is {first.restored.kind}{less}."


def print_explanation(console: Console, explained: Explanation) -> None:
    """The sentence, its evidence, the cause and what was ruled out."""
    style = "bold green" if explained.is_identical else "bold"
    console.print(Text(sentence(explained), style=style), soft_wrap=True)
    if explained.baseline.first_divergence is None:
        return
    console.print()
    at = explained.baseline.first_divergence
    is_sized = at.delta is not None or bool(at.detail)  # two fingerprints tell a person nothing
    console.print(Text("evidence", style="bold"), Text(values(at) if is_sized else ""), soft_wrap=True)
    if explained.replayed is not None:
        for exhibit in explained.replayed.exhibits:
            _print_exhibit(console, exhibit)
        _print_lockstep(console, explained.replayed.lockstep)
    console.print()
    console.print(Text("settings that differ", style="bold"))
    for each in explained.baseline.differences:
        how = "declared" if each.declared else "undeclared"
        line = f"  {each.name}: {setting(each.reference)} → {setting(each.candidate)} ({how})"
        console.print(Text(line, style="dim"), soft_wrap=True)
    for warned in explained.baseline.warnings:
        console.print(Text(f"  {warned}", style="yellow"), soft_wrap=True)
    for cause in explained.causes:
        _print_cause(console, cause)
    if explained.ruled_out:
        console.print()
        console.print(_ruled_out(explained))
    console.print(Text(f"{explained.runs} arms were run at seed {explained.baseline.seed}", style="dim"))


def explanation_tree(explained: Explanation) -> dict[str, Any]:
    """What `parity explain --json` writes; `lines` are those that a person reads."""
    at, shown = explained.baseline.first_divergence, explained.replayed
    return {
        "schema": SCHEMA,
        "probe": explained.probe.name,
        "seed": explained.baseline.seed,
        "summary": sentence(explained),
        "verdict": explained.baseline.kind,
        "first_divergence": None if at is None else asdict(at),
        "effective": [asdict(each) for each in explained.baseline.differences],
        "ignored": [str(warned) for warned in explained.baseline.warnings],
        "evidence": [] if shown is None else [_exhibit(each) for each in shown.exhibits],
        "steps": None if shown is None else _lockstep(shown.lockstep),
        "causes": [_cause(cause) for cause in explained.causes],
        "ruled_out": [
            {"stages": list(trial.stages), "verdict": trial.result.kind, "still": _where(trial.result)}
            for trial in explained.ruled_out
        ],
        "exhausted": explained.exhausted,
        "runs": explained.runs,
    }


def _exhibit(exhibit: Exhibit) -> dict[str, Any]:
    return {
        "factor": _named(exhibit),
        "diverges_at": place(exhibit.at),
        "lines": exhibit_lines(exhibit),
        "measured": None if exhibit.evidence is None else asdict(exhibit.evidence),
    }


def _lockstep(lockstep: Lockstep) -> dict[str, Any]:
    spans = [asdict(span) for span in lockstep.spans]
    return {
        "summary": lockstep_sentence(lockstep),
        "asked": lockstep.asked,
        "spans": spans,
        "lines": lockstep_rows(lockstep),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "stages": [factor.stage for factor in cause.factors],
        "lines": [_difference(factor) for factor in cause.factors],
        "settings": {name: list(pair) for factor in cause.factors for name, pair in factor.settings.items()},
        "restores": cause.restored.kind,
        "alone": [
            {"stage": factor.stage, "verdict": None if result is None else result.kind, "diverges_at": _where(result)}
            for factor, result in zip(cause.factors, cause.alone, strict=True)
        ],
    }


def _named(exhibit: Exhibit) -> str:
    return f"{_and(exhibit.stages)} alone" if exhibit.stages else "the probe as it is"


def _print_cause(console: Console, cause: Cause) -> None:
    console.print()
    console.print(Text(f"cause: {_and(factor.stage for factor in cause.factors)}", style="bold"))
    for factor, result in zip(cause.factors, cause.alone, strict=True):
        console.print(Text(f"  {_difference(factor)}"), soft_wrap=True)
        console.print(Text(f"    put alone into the reference: {_where(result)}", style="dim"), soft_wrap=True)
    console.print(Text(f"  done as the reference does: {cause.restored.kind}", style="green"), soft_wrap=True)


def _print_exhibit(console: Console, exhibit: Exhibit) -> None:
    console.print(Text(f"  {_named(exhibit)}, at {place(exhibit.at)}", style="bold"), soft_wrap=True)
    for line in exhibit_lines(exhibit):
        console.print(Text(f"    {line}"), soft_wrap=True)


def _print_lockstep(console: Console, lockstep: Lockstep) -> None:
    console.print()
    console.print(Text(lockstep_sentence(lockstep), style="bold"), soft_wrap=True)
    if lockstep.spans:
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 2))
        for column in ("", "free-running", "state-locked"):
            table.add_column(column, overflow="fold")
        for row in lockstep_rows(lockstep):
            table.add_row(*map(Text, row))
        console.print(table)


def _ruled_out(explained: Explanation) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("done as the reference does", overflow="fold")
    table.add_column("still", overflow="fold")
    for trial in explained.ruled_out:
        table.add_row(Text(_and(trial.stages)), Text(_where(trial.result), style="dim"))
    return table


def _difference(factor: Factor) -> str:
    left, right = factor.lenders
    lender = [f"{right} instead of {left}"] if left != right else []
    settings = [
        f"{name} {setting(after)} instead of {setting(before)}" for name, (before, after) in factor.settings.items()
    ]
    return f"{factor.stage}: {', '.join([*lender, *settings])}"


def _where(result: CellResult | None) -> str:
    """Where a result diverges, or why there is none."""
    if result is None:
        return "cannot be put into the reference"
    if result.verdict is None:
        return f"could not be run ({result.failure})"
    at = result.first_divergence
    return str(result.kind) if at is None else f"{result.kind} at {place(at)}"


def _and(names: Iterable[str]) -> str:
    *first, last = [str(name) for name in names]
    return f"{', '.join(first)} and {last}" if first else last
