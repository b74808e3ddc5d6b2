"""`parity explain`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import check_json, console_for, stop_on_sigterm, write_json
from parity.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from parity.explain.explanation import Explanation
    from parity.probe.values import Probe


@click.command("explain", short_help="Find the cause of a divergence by swapping stages.")
@click.argument("probe_file", metavar="PROBE", type=click.Path(path_type=Path))
@click.option("--seeds", metavar="1,42", help="Seeds to explain, one after the other; default: the probe's first.")
@click.option("--steps", type=click.IntRange(min=1), help="Number of steps, overriding the probe.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override any key of a probe, as in TOML.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells to run at a time.")
@click.option(
    "--most", type=click.IntRange(min=1), default=40, show_default=True, help="Most variants that the search may run."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Keep its runs here; a second call continues from what is there."
)
@click.option("--json", "json_file", metavar="FILE", help="Write the explanation as JSON; - is standard output.")
def explain_command(
    probe_file: Path,
    seeds: str | None,
    steps: int | None,
    overrides: tuple[str, ...],
    jobs: int,
    most: int,
    out: Path | None,
    json_file: str | None,
) -> ExitStatus:
    """Find the cause of a divergence: the smallest sets of stages that restore parity when swapped.

    Shows what differs in PROBE, element by element, and which steps are faulty by themselves.
    """
    from parity.conduct.probes import asked_for, checked_probe

    probe = checked_probe(probe_file, [*asked_for(seeds, steps), *overrides])
    check_json(json_file)
    stop_on_sigterm()
    chosen = probe.workload.seeds if seeds is not None else probe.workload.seeds[:1]
    console = console_for(json_file)
    folder = out or Path("reports") / "explain"
    found = [_explained(_at_seed(probe, seed), folder, console, jobs=jobs, most=most) for seed in chosen]
    if json_file is not None:
        write_json(json_file, _json(found))
    return _status(found)


def _at_seed(probe: Probe, seed: int) -> Probe:
    return replace(probe, outcomes=None, workload=replace(probe.workload, seeds=(seed,)))


def _explained(probe: Probe, folder: Path, console: Console, *, jobs: int, most: int) -> Explanation:
    from parity.cli.progress import Live
    from parity.explain.local import PAGE, explain_locally
    from parity.explain.report import print_explanation
    from parity.store.kept import kept_in

    into = kept_in(folder, probe)
    with Live(console) as live:
        explained = explain_locally(probe, into, jobs=jobs, most=most, watch=live, say=live.say)
    console.print()
    print_explanation(console, explained)
    console.print(f"report: {into / PAGE}", style="dim", soft_wrap=True)
    return explained


def _json(found: Sequence[Explanation]) -> str:
    """One explanation as one object; those of several seeds as a list of such."""
    from parity.explain.report import explanation_tree
    from parity.jsonfloat import dumps

    trees = [explanation_tree(each) for each in found]
    return dumps(trees[0] if len(trees) == 1 else trees, indent=2)


def _status(found: Sequence[Explanation]) -> ExitStatus:
    """The gravest of all seeds."""
    each = {_status_of(explained) for explained in found}
    return next(status for status in (ExitStatus.NOT_RUN, ExitStatus.UNDECIDED, ExitStatus.EXPECTED) if status in each)


def _status_of(explained: Explanation) -> ExitStatus:
    if explained.baseline.verdict is None:
        return ExitStatus.NOT_RUN
    return ExitStatus.EXPECTED if explained.causes or explained.is_identical else ExitStatus.UNDECIDED
