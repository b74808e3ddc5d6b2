"""Probes as a table: what is asked, of which arms, and what is expected."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from parity.judge.result import in_short
from parity.report.escape import escaped, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console

    from parity.probe.values import Arm, Probe


_WORDS = 2
"""Of a command that are shown."""


def print_catalogue(console: Console, probes: Iterable[Probe]) -> None:
    """Three lines a probe on a terminal: its name and what is expected, its question, its arms."""
    for probe in probes:
        console.print(Text.assemble((visible(probe.name), "bold"), f"  {in_short(probe.expect)}"), soft_wrap=True)
        console.print(Padding(Text(visible(probe.question)), (0, 0, 0, 2)))
        console.print(Padding(Text(arms(probe), style="dim"), (0, 0, 0, 2)))
        console.print()


def catalogue_markdown(probes: Iterable[Probe]) -> str:
    """The same as a markdown table, with a link to the file of each probe."""
    lines = ["| probe | question | arms | expected | because |", "| --- | --- | --- | --- | --- |"]
    for probe in probes:
        cells = map(escaped, (probe.question, arms(probe), in_short(probe.expect), probe.expect.because))
        lines.append(f"| [{probe.name}]({probe.name}.toml) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def arms(probe: Probe) -> str:
    """`unsloth-zoo 2026.5.3 (load, adapt: mlx-lm; max_grad_value 0) against mlx-lm`."""
    return f"{_arm(probe, probe.candidate)} against {_arm(probe, probe.reference)}"


def _arm(probe: Probe, arm: Arm) -> str:
    if arm.command:
        return " ".join(arm.command[:_WORDS]) + (" …" if len(arm.command) > _WORDS else "")
    details = "; ".join(_details(probe, arm))
    release = probe.environment.get(arm.provider)
    return arm.provider + (f" {release}" if release else "") + (f" ({details})" if details else "")


def _details(probe: Probe, arm: Arm) -> Iterator[str]:
    by_lender: dict[str, list[str]] = {}
    for stage, lender in arm.stages.items():
        by_lender.setdefault(lender, []).append(stage)
    for lender, stages in by_lender.items():
        release = probe.environment.get(lender)
        yield f"{', '.join(stages)}: {lender}" + (f" {release}" if release and lender != arm.provider else "")
    for name, value in arm.settings.items():
        yield f"{name} {_value(value)}"
    for function, keywords in arm.keywords.items():
        yield ", ".join(f"{function} {name} {_value(value)}" for name, value in keywords.items())
    if arm.workload is not None:
        yield from _changes(asdict(probe.workload), asdict(arm.workload))


def _changes(shared: Mapping[str, object], own: Mapping[str, object]) -> Iterator[str]:
    for name, value in own.items():
        before = shared[name]
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _changes(before, value)
        elif value != before:
            yield f"{name} {_value(value)}"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
