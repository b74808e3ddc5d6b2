"""The folder of a run: its plan, its cells, what was rendered from them. Nothing is overwritten.

plan.json                      the probes, as they were checked: all of them, of a shard too
traces/<probe>/<seed>/         cell.json, one trace an arm, trainer.log, exit-status
explanations/<probe>/          what `parity run --explain` found out, and its runs
goldens/                       what the references are compared with, as it was found
canaries/                      known faults that were run beside the probes
interrupted                    only where the user stopped the run
results.json  report.md  report.html   rendered at the end
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from parity.assess import EXIT, assess, exit_code_of, probe_result, read_arm
from parity.errors import BadTraceError, ParityError
from parity.gate import RunResult
from parity.golden.folder import check_run
from parity.plan import Plan, read_plan, write_plan
from parity.probe.values import ArmName
from parity.report.html import render_html
from parity.report.json import render_json
from parity.report.markdown import render_markdown
from parity.restored import complaint, read_explanation
from parity.shard import Shard, postponed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from parity.blind import BlindSpot
    from parity.probe.values import Probe
    from parity.result import CellResult, ProbeResult
    from parity.trace import Trace

LATEST = "latest"
INTERRUPTED = "interrupted"
EXPLANATION = "explanation.json"
RESULTS = "results.json"
REPORTS = Path("reports")


def cell_parts(probe: str, seed: int) -> tuple[str, ...]:
    """Where one cell of a probe of this name keeps its traces, below the folder of its run."""
    return ("traces", probe, str(seed))


def cell_folder(run: Path, probe: Probe, seed: int) -> Path:
    """Where one cell keeps its traces."""
    return run.joinpath(*cell_parts(probe.name, seed))


@contextmanager
def writing(run: Path) -> Iterator[None]:
    """Raises ParityError where what `--out` names cannot be written."""
    try:
        yield
    except OSError as error:
        raise ParityError(f"{run}: cannot be written ({error.strerror}); name another folder with --out") from None


def ended_by_itself(cell: Path) -> bool:
    """Whether a cell need not be run again; what a signal ended must be."""
    code = exit_code_of(cell)
    return code is not None and code >= 0


def forget_half(cell: Path, given: Collection[Path] = ()) -> None:
    """Removes what a killed cell left, all but the files that it was given before it started."""
    for path in cell.iterdir() if cell.is_dir() else ():
        if path not in given:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def new_run(
    out: Path | None,
    probes: Sequence[Probe],
    blind: Mapping[str, tuple[BlindSpot, ...]],
    *,
    not_run: Mapping[str, str] = MappingProxyType({}),
    models: Mapping[str, str] = MappingProxyType({}),
    shard: Shard | None = None,
) -> Path:
    """Makes the folder of a run and writes its plan.

    Args:
        out: a new or empty folder; None: `reports/<time>`, with `reports/latest` pointing at it.
        probes: what will be run, and what other shards will.
        blind: by probe name, what its workload cannot show.
        not_run: by probe name, why no cell of it will be started.
        models: by hub id, the commit that was found.
        shard: which share of the cells will be run; None: all.

    Raises:
        ParityError: `out` holds something, or cannot be made.

    """
    with writing(out or REPORTS):
        run = _by_time() if out is None else out
    check_out(run)
    with writing(run):
        run.mkdir(parents=True, exist_ok=True)
        write_plan(run, Plan(probes=tuple(probes), blind=blind, not_run=not_run, models=models, shard=shard))
    if out is None:
        _point(REPORTS / LATEST, run)
    return run


def check_out(out: Path) -> None:
    """Raises ParityError where what `--out` names holds something, or is no folder."""
    with writing(out):
        if out.is_dir():
            if any(out.iterdir()):
                raise ParityError(f"--out {out}: not empty; name a new folder, nothing is overwritten")
        elif out.is_symlink() or out.exists():
            raise ParityError(f"--out {out}: not a folder; name a new one, nothing is overwritten")


def read_run(run: Path) -> RunResult:
    """Judges a stored run again, from its traces.

    Raises:
        BadTraceError: not the folder of a run, or of another schema.

    """
    plan = read_plan(run)
    interrupted = (run / INTERRUPTED).exists()
    probes = tuple(_judged(run, plan, probe, interrupted=interrupted) for probe in plan.own)
    result = RunResult(
        probes=probes,
        interrupted=interrupted,
        shard=plan.shard,
        lacking=plan.lacking,
        postponed=postponed(plan.probes, [each.probe for each in probes]),
    )
    return with_explanations(run, with_goldens(run, result))


def with_goldens(run: Path, result: RunResult) -> RunResult:
    """A result with what the goldens that the run kept say of its references."""

    def reference(probe: Probe, seed: int) -> Trace | None:
        trace, failure = read_arm(probe, seed, cell_folder(run, probe, seed), ArmName.REFERENCE)
        return None if failure else trace

    return replace(result, goldens=check_run(run, [each.probe for each in result.probes], reference))


def explanation_folder(run: Path, probe: Probe) -> Path:
    """Where the inquiry into one probe of a run keeps what it runs."""
    return run / "explanations" / probe.name


def with_explanations(run: Path, result: RunResult) -> RunResult:
    """A result with the explanations that the run has ended with.

    Raises:
        BadTraceError: a file of that name holds something else.

    """
    files = {each.probe.name: explanation_folder(run, each.probe) / EXPLANATION for each in result.probes}
    return replace(result, explanations={name: _explanation(file) for name, file in files.items() if file.is_file()})


def _explanation(file: Path) -> dict[str, Any]:
    try:
        return read_explanation(file.read_bytes())
    except ValidationError as error:
        raise BadTraceError(
            f"{file}: not an explanation ({complaint(error)}); remove it, and `parity report` tells the run without"
        ) from None
    except OSError as error:
        raise BadTraceError(f"{file}: cannot be read ({error.strerror})") from None


def write_whole(file: Path, text: str) -> None:
    """So that it is there whole or not at all, whatever interrupts."""
    half = file.with_name(f".{file.name}")
    half.write_text(text, encoding="utf-8")
    half.replace(file)


def write_reports(run: Path, result: RunResult) -> None:
    """Renders `results.json`, `report.md` and `report.html` beside the traces.

    Raises:
        ParityError: the folder cannot be written.

    """
    try:
        _write_reports(run, result)
    except OSError as error:
        raise ParityError(f"{run}: the report cannot be written ({error.strerror}); the traces are there") from None


def _write_reports(run: Path, result: RunResult) -> None:
    if result.interrupted:
        (run / INTERRUPTED).touch()
    (run / RESULTS).write_text(render_json(result) + "\n", encoding="utf-8")
    (run / "report.md").write_text(render_markdown(result), encoding="utf-8")
    (run / "report.html").write_text(render_html(result) + "\n", encoding="utf-8")


def _judged(run: Path, plan: Plan, probe: Probe, *, interrupted: bool) -> ProbeResult:
    cells = _cells(run, probe, interrupted=interrupted)
    judged = plan.judged(probe, tuple(cell.seed for cell in cells))
    return probe_result(judged, cells, plan.blind.get(probe.name, ()), plan.not_run.get(probe.name, ""))


def _cells(run: Path, probe: Probe, *, interrupted: bool) -> tuple[CellResult, ...]:
    """What was stopped with the run has no result; a cell that died by itself has one."""
    folders = {seed: cell_folder(run, probe, seed) for seed in probe.workload.seeds}
    started = [seed for seed, at in folders.items() if (at / EXIT).is_file() or (at.is_dir() and not interrupted)]
    return tuple(assess(probe, seed, folders[seed]) for seed in started)


def _by_time() -> Path:
    """A folder of its own, even for two runs in one second."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    for number in count(1):
        run = REPORTS / (stamp if number == 1 else f"{stamp}-{number}")
        with suppress(FileExistsError):
            run.mkdir(parents=True)
            break
    return run


def _point(link: Path, run: Path) -> None:
    """Moves the link in one step: a reader finds the old run or the new one."""
    if link.exists() and not link.is_symlink():
        raise ParityError(f"{link}: not a link of ours; move it away, nothing is overwritten")
    fresh = link.with_name(f".{link.name}-{run.name}")
    fresh.symlink_to(run.name, target_is_directory=True)
    fresh.replace(link)
