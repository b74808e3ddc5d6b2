"""`parity explain`."""

from __future__ import annotations

import hashlib
import json
import signal
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.asked import cells, check_json, checked_probe, stop, write_json
from parity.errors import ExitStatus
from parity.probe.values import ArmName

if TYPE_CHECKING:
    from parity.probe.values import Probe, Workload
    from parity.result import CellResult


@click.command("explain")
@click.argument("probe_file", metavar="PROBE", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(min=0), help="This seed instead of the probe's first.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of a probe, as in TOML.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells side by side.")
@click.option(
    "--most", type=click.IntRange(min=1), default=40, show_default=True, help="Candidates the search may run."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where its runs are kept; asked again, it goes on from there."
)
@click.option("--json", "json_file", metavar="FILE", help="The explanation as JSON; - is standard output.")
def explain_command(
    probe_file: Path,
    seed: int | None,
    overrides: tuple[str, ...],
    jobs: int,
    most: int,
    out: Path | None,
    json_file: str | None,
) -> ExitStatus:
    """Name the smallest sets of stages and settings of PROBE's candidate whose removal restores parity."""
    from rich.console import Console

    from parity.explain.explanation import explain
    from parity.explain.trials import Trials
    from parity.probe.file import read_probe
    from parity.report.explanation import print_explanation, render_explanation
    from parity.trainers.registry import can_swap

    chosen = read_probe(probe_file, overrides).workload.seeds[0] if seed is None else seed
    probe = replace(checked_probe(probe_file, [*overrides, f"workload.seeds=[{chosen}]"]), outcomes=None)
    check_json(json_file)
    signal.signal(signal.SIGTERM, stop)
    folder = (out or Path("reports") / "explain") / _key(probe)
    console = Console(stderr=json_file == "-", highlight=False)

    explained = explain(probe, Trials(probe, folder, cells(console, jobs)), can_swap=can_swap, most=most)
    console.print()
    print_explanation(console, explained)
    console.print(f"runs: {folder}", style="dim")
    if json_file is not None:
        write_json(json_file, render_explanation(explained))
    return _status(explained.baseline, explained=bool(explained.causes), nothing=explained.is_identical)


def _status(baseline: CellResult, *, explained: bool, nothing: bool) -> ExitStatus:
    if baseline.verdict is None:
        return ExitStatus.NOT_RUN
    return ExitStatus.EXPECTED if explained or nothing else ExitStatus.UNDECIDED


def _workloads(probe: Probe) -> list[Workload]:
    return [probe.workload_of(arm) for arm in (ArmName.REFERENCE, ArmName.CANDIDATE)]


def _key(probe: Probe) -> str:
    """A folder of its own for a probe under the installed releases: runs of other ones are not taken for these."""
    from parity.probe.values import to_plain

    installed = sorted({f"{each.name} {each.version}" for each in distributions()})
    rows = [(Path(workload.data) / "train.jsonl").read_text(encoding="utf-8") for workload in _workloads(probe)]
    text = json.dumps([to_plain(probe), installed, rows], sort_keys=True)
    return f"{probe.name.replace('/', '-')}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"
