"""`parity bisect`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.common import cells, check_json, console_for, stop_on_sigterm, write_json
from parity.errors import ExitStatus, MachineError, ParityError
from parity.metrics import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from parity.bisect.tester import ReleaseResult, ReleaseTester
    from parity.judge.result import CellResult
    from parity.probe.values import Probe

_SEEDS = 3

_EPILOG = """\b
Exit status:
    0  found a good and a bad release that are neighbours; with --path: good
    1  with --path: bad
    2  wrong usage, or an end of the range is not good or bad as stated
    3  an end of the range, or the checkout, cannot be tested
    5  found no good and bad release that are neighbours
  130  interrupted; the same command continues
While a `git bisect` is in progress in CHECKOUT, the status is 125 if the
checkout cannot be tested, so that git skips the commit, and 128 or more if there
is no answer about the commit, so that git stops: 130 for wrong usage.

\b
    git bisect run parity bisect PROBE --package NAME --path ."""


@click.command("bisect", short_help="Find the release that changed a probe's verdict.", epilog=_EPILOG)
@click.argument("probe_file", metavar="PROBE", type=click.Path(path_type=Path))
@click.option("--package", "name", required=True, metavar="NAME", help="The package to search.")
@click.option("--good", metavar="RELEASE", help="A good release. Default: search for one, back from the bad one.")
@click.option("--bad", metavar="RELEASE", help="A bad release. Default: the newest that can be tested.")
@click.option(
    "--stage", type=click.Choice([str(stage) for stage in Stage]), help="Only a first divergence at this stage is bad."
)
@click.option("--seeds", metavar="1,42", help="Seeds, which must all be good. Default: the probe's first three.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override any key of a probe, as in TOML.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells to run at a time.")
@click.option(
    "--path", type=click.Path(path_type=Path), metavar="CHECKOUT", help="Do not search: test this checkout or wheel."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Keep the runs here; a second call continues from what is there."
)
@click.option("--json", "json_file", metavar="FILE", help="Write the answer as JSON; - is standard output.")
def bisect_command(
    probe_file: Path,
    name: str,
    good: str | None,
    bad: str | None,
    stage: str | None,
    seeds: str | None,
    overrides: tuple[str, ...],
    jobs: int,
    path: Path | None,
    out: Path | None,
    json_file: str | None,
) -> ExitStatus:
    """Find the release of a package at which PROBE's verdict changes: the last good one and the first bad one."""
    from packaging.utils import canonicalize_name

    from parity.bisect.pins import beside, check_package, used_by
    from parity.bisect.tester import ReleaseTester
    from parity.conduct.probes import asked_for, checked_probe
    from parity.runner.kernels import missing_compiler
    from parity.trainers.registry import distributions_of

    if path is not None and (good or bad):
        raise ParityError("--path tests one checkout; --good and --bad are for a search")
    probe = _at_seeds(checked_probe(probe_file, [*overrides, *asked_for(seeds)]), all_of_them=seeds is not None)
    package = canonicalize_name(name)
    used = used_by(probe, distributions_of(probe))
    check_package(package, probe, used)
    check_json(json_file)
    if complaint := missing_compiler():
        raise MachineError(complaint)
    stop_on_sigterm()
    console = console_for(json_file)
    lab = _Lab(console=console, jobs=jobs)
    tester = ReleaseTester(
        probe=probe,
        package=package,
        beside=beside(package, probe, used),
        folder=out or Path("reports") / "bisect",
        lab=lab,
        together=jobs,
        stage=None if stage is None else Stage(stage),
    )
    try:
        if path is not None:
            return _checkout(lab, tester, path, json_file)
        return _search(lab, tester, good, bad, json_file)
    except OSError as error:
        raise MachineError(
            f"{error.filename or tester.folder}: {error.strerror}; free space, or name another folder with --out"
        ) from None


def checkout_of(arguments: Sequence[str]) -> Path | None:
    """The checkout of `bisect --path CHECKOUT`, even if the command line is refused for a different reason."""
    if "bisect" not in arguments:
        return None
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, is_one_word, value = word.partition("=")
        if option == "--path":
            return Path(value if is_one_word else following)
    return None


@dataclass(frozen=True, kw_only=True)
class _Lab:
    """Builds environments and runs cells, with their progress on a console."""

    console: Console
    jobs: int

    def say(self, line: str) -> None:
        from rich.text import Text

        self.console.print(Text(line, style="dim"), soft_wrap=True)

    def prepare(self, probe: Probe) -> None:
        from parity.runner.process import interpreter_of

        interpreter_of(probe, lambda _: self.say("  building its environment"))

    def run(self, probe: Probe, folder: Path) -> list[CellResult]:
        from parity.judge.cell import judge_cell
        from parity.trace.cell import cell_folder, read_cell

        cells(self.console, self.jobs)([probe], folder)
        seeds = probe.workload.seeds
        return [judge_cell(probe, seed, read_cell(probe, seed, cell_folder(folder, probe, seed))) for seed in seeds]


def _search(lab: _Lab, tester: ReleaseTester, good: str | None, bad: str | None, json_file: str | None) -> ExitStatus:
    from parity.bisect.bisection import bisect
    from parity.bisect.pins import made_to_fit
    from parity.bisect.releases import in_range, is_pre, listed
    from parity.bisect.report import print_bisection, render_bisection
    from parity.store.kept import kept_in

    every = listed(tester.package, pre=is_pre(good) or is_pre(bad))
    releases = in_range(tester.package, every, good, bad)
    others = tester.beside
    if good is not None:
        others = made_to_fit(others, tester.package, releases[0], tester.probe.environment, lab.say)
    kept = kept_in(tester.folder, tester.probe, tester.package, others)
    found = bisect(replace(tester, beside=others, folder=kept), releases, good=good, bad=bad, say=lab.say)
    lab.console.print()
    print_bisection(lab.console, found)
    lab.say(f"runs: {kept}")
    if json_file is not None:
        write_json(json_file, render_bisection(found))
    return ExitStatus.EXPECTED if found.is_found else ExitStatus.UNDECIDED


def _checkout(lab: _Lab, tester: ReleaseTester, path: Path, json_file: str | None) -> ExitStatus:
    from parity.bisect.report import print_checkout, render_checkout
    from parity.bisect.search import Answer
    from parity.runner.checkouts import digest
    from parity.store.kept import kept_in

    source = path.resolve()
    if not source.is_dir() and not (source.is_file() and source.suffix == ".whl"):
        raise ParityError(f"--path {path}: neither a checkout nor a wheel")
    kept = kept_in(tester.folder, tester.probe, tester.package, tester.beside)
    found: ReleaseResult = replace(tester, folder=kept).test(str(source), kept_as=digest(source))
    print_checkout(lab.console, found, tester.package, tester.probe.name)
    if json_file is not None:
        write_json(json_file, render_checkout(found, tester.package, tester.probe.name))
    return {
        Answer.GOOD: ExitStatus.EXPECTED,
        Answer.BAD: ExitStatus.UNEXPECTED,
        Answer.SKIPPED: ExitStatus.NOT_RUN,
    }[found.answer]


def _at_seeds(probe: Probe, *, all_of_them: bool) -> Probe:
    seeds = probe.workload.seeds if all_of_them else probe.workload.seeds[:_SEEDS]
    return replace(probe, workload=replace(probe.workload, seeds=seeds), outcomes=None)
