"""`parity bisect`."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from parity.cli.asked import cells, check_json, checked_probe, kept_in, seeds_asked, stop, write_json
from parity.errors import ExitStatus, MachineError, ParityError
from parity.probe.values import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from parity.bisect.trials import Trials, Tried
    from parity.gate import RunResult
    from parity.probe.values import Probe

_SEEDS = 3

_EPILOG = """\b
Exit status:
    0  the neighbours were found; with --path: good
    1  with --path: bad
    2  wrong usage, or an end that is not what it was said to be
    3  an end, or the checkout, cannot be tested
    5  it ended without neighbours
  130  interrupted; asked again, it goes on
While a `git bisect` is going on in CHECKOUT, a checkout that cannot be tested
answers 125, which git skips, and whatever is no answer about the commit answers
128 and more, which stops git: 130 for wrong usage.

\b
    git bisect run parity bisect PROBE --package NAME --path ."""


@click.command("bisect", epilog=_EPILOG)
@click.argument("probe_file", metavar="PROBE", type=click.Path(path_type=Path))
@click.option("--package", "name", required=True, metavar="NAME", help="The package whose release changed something.")
@click.option("--good", metavar="RELEASE", help="A good release; left out, one is looked for, back from the bad one.")
@click.option("--bad", metavar="RELEASE", help="A bad release; left out, the newest that can be tested.")
@click.option(
    "--stage", type=click.Choice([str(stage) for stage in Stage]), help="Bad is only what first diverges there."
)
@click.option("--seeds", metavar="1,42", help="All must be good; left out, the probe's first three.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any key of a probe, as in TOML.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Cells side by side.")
@click.option(
    "--path", type=click.Path(path_type=Path), metavar="CHECKOUT", help="No search: answer for this checkout or wheel."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where its runs are kept; asked again, it goes on from there."
)
@click.option("--json", "json_file", metavar="FILE", help="The answer as JSON; - is standard output.")
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
    """Name the release of a package at which PROBE's verdict changes: the last good one and the first bad one."""
    from packaging.utils import canonicalize_name
    from rich.console import Console

    from parity.bisect.others import beside, check_package, used_by
    from parity.bisect.trials import Trials
    from parity.compiler import missing_compiler
    from parity.trainers.registry import distributions_of

    if path is not None and (good or bad):
        raise ParityError("--path answers for one checkout; --good and --bad are for a search")
    probe = _at_seeds(checked_probe(probe_file, [*overrides, *seeds_asked(seeds)]), all_of_them=seeds is not None)
    package = canonicalize_name(name)
    used = used_by(probe, distributions_of(probe))
    check_package(package, probe, used)
    check_json(json_file)
    if complaint := missing_compiler():
        raise MachineError(complaint)
    signal.signal(signal.SIGTERM, stop)
    console = Console(stderr=json_file == "-", highlight=False)
    lab = _Lab(console=console, jobs=jobs)
    trials = Trials(
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
            return _checkout(lab, trials, path, json_file)
        return _search(lab, trials, good, bad, json_file)
    except OSError as error:
        raise MachineError(
            f"{error.filename or trials.folder}: {error.strerror}; make room, or name another folder with --out"
        ) from None


def checkout_of(arguments: Sequence[str]) -> Path | None:
    """The checkout of `bisect --path CHECKOUT`, also in a line that is refused for something else."""
    if "bisect" not in arguments:
        return None
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, is_one_word, value = word.partition("=")
        if option == "--path":
            return Path(value if is_one_word else following)
    return None


@dataclass(frozen=True, kw_only=True)
class _Lab:
    """Environments and cells, with their progress on a console."""

    console: Console
    jobs: int

    def say(self, line: str) -> None:
        from rich.text import Text

        self.console.print(Text(line, style="dim"), soft_wrap=True)

    def prepare(self, probe: Probe) -> None:
        from parity.process import interpreter_of

        interpreter_of(probe, lambda _: self.say("  building its environment"))

    def run(self, probe: Probe, folder: Path) -> RunResult:
        return cells(self.console, self.jobs)([probe], folder)


def _search(lab: _Lab, trials: Trials, good: str | None, bad: str | None, json_file: str | None) -> ExitStatus:
    from parity.bisect.bisection import bisect
    from parity.bisect.others import made_to_fit
    from parity.bisect.releases import in_range, is_pre, listed
    from parity.report.bisection import print_bisection, render_bisection

    every = listed(trials.package, pre=is_pre(good) or is_pre(bad))
    releases = in_range(trials.package, every, good, bad)
    others = trials.beside
    if good is not None:
        others = made_to_fit(others, trials.package, releases[0], trials.probe.environment, lab.say)
    kept = kept_in(trials.folder, trials.probe, trials.package, others)
    found = bisect(replace(trials, beside=others, folder=kept), releases, good=good, bad=bad, say=lab.say)
    lab.console.print()
    print_bisection(lab.console, found)
    lab.say(f"runs: {kept}")
    if json_file is not None:
        write_json(json_file, render_bisection(found))
    return ExitStatus.EXPECTED if found.is_found else ExitStatus.UNDECIDED


def _checkout(lab: _Lab, trials: Trials, path: Path, json_file: str | None) -> ExitStatus:
    from parity.bisect.search import Answer
    from parity.checkouts import digest
    from parity.report.bisection import print_checkout, render_checkout

    source = path.resolve()
    if not source.is_dir() and not (source.is_file() and source.suffix == ".whl"):
        raise ParityError(f"--path {path}: neither a checkout nor a wheel")
    kept = kept_in(trials.folder, trials.probe, trials.package, trials.beside)
    found: Tried = replace(trials, folder=kept).tried(str(source), kept_as=digest(source))
    print_checkout(lab.console, found, trials.package, trials.probe.name)
    if json_file is not None:
        write_json(json_file, render_checkout(found, trials.package, trials.probe.name))
    return {
        Answer.GOOD: ExitStatus.EXPECTED,
        Answer.BAD: ExitStatus.UNEXPECTED,
        Answer.SKIPPED: ExitStatus.NOT_RUN,
    }[found.answer]


def _at_seeds(probe: Probe, *, all_of_them: bool) -> Probe:
    seeds = probe.workload.seeds if all_of_them else probe.workload.seeds[:_SEEDS]
    return replace(probe, workload=replace(probe.workload, seeds=seeds), outcomes=None)
