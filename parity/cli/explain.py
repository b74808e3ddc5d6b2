"""`parity explain`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import check_json, checked_probe, console_for, stop_on_sigterm, write_json
from parity.errors import ExitStatus
from parity.store.kept import kept_in

if TYPE_CHECKING:
    from parity.explain.explanation import Explanation


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
    """Name the smallest sets of stages and settings of PROBE's candidate whose removal restores parity.

    Shows what differs, element by element, and which steps are faulty by themselves.
    """
    from parity.cli.progress import Live
    from parity.explain.local import PAGE, inquire
    from parity.explain.report import explanation_tree, print_explanation
    from parity.jsonfloat import dumps
    from parity.probe.file import read_probe

    chosen = read_probe(probe_file, overrides).workload.seeds[0] if seed is None else seed
    probe = replace(checked_probe(probe_file, [*overrides, f"workload.seeds=[{chosen}]"]), outcomes=None)
    check_json(json_file)
    stop_on_sigterm()
    folder = kept_in(out or Path("reports") / "explain", probe)
    console = console_for(json_file)
    with Live(console) as live:
        explained = inquire(probe, folder, jobs=jobs, most=most, watch=live, say=live.say)
    console.print()
    print_explanation(console, explained)
    console.print(f"report: {folder / PAGE}", style="dim")
    if json_file is not None:
        write_json(json_file, dumps(explanation_tree(explained), indent=2))
    return _status(explained)


def _status(explained: Explanation) -> ExitStatus:
    if explained.baseline.verdict is None:
        return ExitStatus.NOT_RUN
    return ExitStatus.EXPECTED if explained.causes or explained.is_identical else ExitStatus.UNDECIDED
