"""The folder of a run: its plan, its cells and its reports. Nothing is overwritten.

plan.json                      the probes as they were checked; all of them, even for a shard
traces/<probe>/<seed>/         one cell, as `parity.trace.cell` lays it out
explanations/<probe>/          what `parity run --explain` found, and its runs
goldens/                       the golden files that the references are compared with
canaries/                      known faults that were also run
interrupted                    exists only if the user stopped the run
lock                           held while a command works on the run
results.json  report.md  report.html   the reports, written at the end
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from parity.errors import BadTraceError, NotKeptError, UnreadableError
from parity.files import is_there, read_text, write_whole
from parity.gate.result import RunResult
from parity.golden.folder import check_run
from parity.judge.alarms import trained_alike
from parity.judge.cell import judge_cell, probe_result
from parity.probe.schema import complaint
from parity.probe.shard import postponed
from parity.probe.values import ArmName
from parity.report.html import render_html
from parity.report.json import render_json
from parity.report.markdown import render_markdown
from parity.scoreboard.board import read_sample
from parity.store.pieces import missing_pieces
from parity.store.plan import Plan, read_plan
from parity.store.told import read_explanation
from parity.trace.cell import cell_folder, has_ended, read_arm, read_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from parity.canaries.canary import Canary
    from parity.golden.drift import Checked
    from parity.judge.result import CellResult, ProbeResult
    from parity.probe.values import Probe
    from parity.trace.values import Trace

INTERRUPTED = "interrupted"
EXPLANATION = "explanation.json"
RESULTS = "results.json"


def read_run(run: Path, find: Callable[[str], Canary]) -> RunResult:
    """Judges a run from its folder: its plan, its cells, its canaries and its goldens.

    Args:
        run: its folder.
        find: returns a canary by name; raises BadProbeError if there is none.

    Raises:
        BadTraceError: not the folder of a run, or its schema is a different one.
        BadGoldenError: the goldens that the run kept cannot be read.

    """
    plan = read_plan(run)
    interrupted = (run / INTERRUPTED).exists()
    probes = tuple(_judged(run, plan, probe, interrupted=interrupted) for probe in plan.own)
    return RunResult(
        probes=probes,
        interrupted=interrupted,
        canaries=read_sample(run, plan.promised.canaries, find),
        goldens=_goldens(run, [each.probe for each in probes]),
        explanations=_explanations(run, [each.probe for each in probes]),
        shard=plan.shard,
        missing_shards=plan.missing_shards,
        postponed=postponed(plan.probes, [each.probe for each in probes]),
        missing_pieces=() if interrupted else missing_pieces(run, plan, probes),
    )


def note_interrupted(run: Path) -> None:
    """Records that the user stopped the run.

    Raises:
        NotKeptError: the folder cannot be written.

    """
    try:
        (run / INTERRUPTED).touch()
    except OSError as error:
        raise NotKeptError(f"{run}: cannot be written ({error.strerror}); the traces are kept") from None


def note_resumed(run: Path) -> None:
    """Records that a run which the user stopped goes on.

    Raises:
        NotKeptError: the folder cannot be written.

    """
    try:
        (run / INTERRUPTED).unlink(missing_ok=True)
    except OSError as error:
        raise NotKeptError(f"{run}: cannot be written ({error.strerror}); the traces are kept") from None


def _goldens(run: Path, probes: Sequence[Probe]) -> Checked | None:
    def reference(probe: Probe, seed: int) -> Trace | None:
        read = read_arm(probe, seed, cell_folder(run, probe, seed), ArmName.REFERENCE)
        return None if read.failure else read.trace

    return check_run(run, probes, reference)


def explanation_folder(run: Path, probe: Probe) -> Path:
    """Where the explanation of one probe of a run, and its trials, are kept."""
    return run / "explanations" / probe.name


def with_explanations(run: Path, result: RunResult) -> RunResult:
    """A result with the explanations that its folder now holds.

    Raises:
        BadTraceError: a file of that name is not an explanation.

    """
    return replace(result, explanations=_explanations(run, [each.probe for each in result.probes]))


def _explanations(run: Path, probes: Sequence[Probe]) -> dict[str, dict[str, Any]]:
    files = {probe.name: explanation_folder(run, probe) / EXPLANATION for probe in probes}
    return {name: _explanation(file) for name, file in files.items() if is_there(file)}


def _explanation(file: Path) -> dict[str, Any]:
    try:
        return read_explanation(read_text(file))
    except (ValidationError, UnreadableError) as error:
        why = complaint(error) if isinstance(error, ValidationError) else error
        raise BadTraceError(
            f"{file}: not an explanation ({why}); remove it, and `parity report` does without it"
        ) from None


def write_reports(run: Path, result: RunResult) -> None:
    """Renders `results.json`, `report.md` and `report.html` next to the traces.

    Raises:
        NotKeptError: one of them cannot be written; none is left in half.

    """
    reports = {
        RESULTS: render_json(result) + "\n",
        "report.md": render_markdown(result),
        "report.html": render_html(result) + "\n",
    }
    for name, text in reports.items():
        try:
            write_whole(run / name, text)
        except OSError as error:
            raise NotKeptError(
                f"{run / name}: the report cannot be written ({error.strerror}); the traces are kept, "
                f"and `parity report {run}` reads them"
            ) from None


def _judged(run: Path, plan: Plan, probe: Probe, *, interrupted: bool) -> ProbeResult:
    cells = _cells(run, probe, interrupted=interrupted)
    judged = plan.judged(probe, tuple(cell.seed for cell in cells))
    return probe_result(judged, cells, plan.blind_spots.get(probe.name, ()), plan.not_run.get(probe.name, ""))


def _cells(run: Path, probe: Probe, *, interrupted: bool) -> tuple[CellResult, ...]:
    """A cell that was stopped with the run has no result; a cell that crashed has one."""
    folders = {seed: cell_folder(run, probe, seed) for seed in probe.workload.seeds}
    started = [seed for seed, at in folders.items() if has_ended(at) or (at.is_dir() and not interrupted)]
    read = {seed: read_cell(probe, seed, folders[seed]) for seed in started}
    alike = trained_alike({seed: cell.traces for seed, cell in read.items()})
    cells = (judge_cell(probe, seed, cell) for seed, cell in read.items())
    return tuple(replace(cell, alarms=(*cell.alarms, *alike.get(cell.seed, ()))) for cell in cells)
