"""Reports a search, on the terminal and as JSON: one sentence first, then the releases that were tried."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from parity.jsonfloat import dumps
from parity.report.json import SCHEMA
from parity.report.wording import NOTHING, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from parity.bisect.bisection import Bisection
    from parity.bisect.tester import ReleaseResult

_STYLE = {"good": "green", "bad": "red", "skipped": "yellow"}


def sentence(found: Bisection) -> str:
    """The last good release and the first bad one, or what is known instead."""
    package, probe, good, bad = found.package, found.probe.name, found.last_good, found.first_bad
    if good is None or bad is None:
        tried = f"{len(found.tried)} of {_count(found.releases, 'release')} tried"
        missing = "bad" if bad is None else "good"
        return f"No {missing} release of {package} was found for {probe} ({tried}); name one with --{missing}."
    is_good = f"{probe} is {good.verdict}" if found.stage is None else f"{probe} does not diverge at {found.stage}"
    diverges = f"{bad.release} diverges at {place(bad.first_divergence)}"
    if not found.between:
        return f"{package} {good.release} is the last release at which {is_good}; {diverges}."
    one_of = ", ".join([*found.between, bad.release])
    return (
        f"{package} {good.release} is the last testable release at which {is_good}; {diverges}. "
        f"The change came with one of these releases: {one_of}."
    )


def print_bisection(console: Console, found: Bisection) -> None:
    """Prints the sentence, the releases that were tried, and how many were run."""
    console.print(Text(sentence(found), style="bold green" if found.is_found else "bold yellow"), soft_wrap=True)
    console.print()
    console.print(_table(found))
    console.print(Text(f"other packages: {_beside(found)}", style="dim"), soft_wrap=True)
    skipped = len(found.tried) - found.runs
    more = f", {skipped} skipped" if skipped else ""
    said = f"{_count(found.releases, 'release')} in range, {found.runs} run{more}"
    console.print(Text(said, style="dim"), soft_wrap=True)


def render_bisection(found: Bisection) -> str:
    """What `parity bisect --json` writes."""
    return dumps(
        {
            "schema": SCHEMA,
            "probe": found.probe.name,
            "package": found.package,
            "stage": found.stage,
            "summary": sentence(found),
            "last_good": None if found.last_good is None else found.last_good.release,
            "first_bad": None if found.first_bad is None else found.first_bad.release,
            "between": list(found.between),
            "tried": [asdict(each) for each in found.tried],
            "runs": found.runs,
            "releases": list(found.releases),
            "beside": dict(found.beside),
        },
        indent=2,
    )


def print_checkout(console: Console, found: ReleaseResult, package: str, probe: str) -> None:
    """Prints the answer of `--path` in one sentence."""
    at = "" if found.first_divergence is None else f", {place(found.first_divergence)}"
    line = f"with {package} from {found.release}, {probe} is {found.verdict}{at}"
    if found.is_skipped:
        line = f"{package} from {found.release} could not be tested: {found.why}"
    console.print(Text(f"{found.answer}: {line}", style=f"bold {_STYLE[found.answer]}"), soft_wrap=True)


def render_checkout(found: ReleaseResult, package: str, probe: str) -> str:
    """What `parity bisect --path --json` writes."""
    return dumps({"schema": SCHEMA, "probe": probe, "package": package, **asdict(found)}, indent=2)


def _table(found: Bisection) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(Text(found.package), no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("first divergence", overflow="fold")
    table.add_column("seeds", justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for each in found.tried:
        style = _STYLE[each.answer]
        table.add_row(
            Text(each.release, style="bold" if each in {found.last_good, found.first_bad} else ""),
            Text("skipped" if each.is_skipped else str(each.verdict), style=style),
            Text(each.why if each.is_skipped else place(each.first_divergence), style="dim" if each.is_skipped else ""),
            Text(str(len(each.seeds)) if each.seeds else NOTHING),
            Text(f"{each.seconds:.0f}"),
        )
    return table


def _beside(found: Bisection) -> str:
    return ", ".join(f"{name} {release}" for name, release in sorted(found.beside.items()))


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
