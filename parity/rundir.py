"""The folder of a run: its plan, its cells, what was rendered from them. Nothing is overwritten.

plan.json                      the probes, as they were checked
traces/<probe>/<seed>/         cell.json, one trace an arm, trainer.log
results.json  report.md        rendered at the end
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.assess import assess, trace_path
from parity.errors import BadTraceError, ParityError
from parity.probe.values import ArmName, Probe, from_plain, to_plain
from parity.report.json import render_json
from parity.report.markdown import render_markdown
from parity.result import ProbeResult, RunResult
from parity.trace import read_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = 1
LATEST = "latest"
REPORTS = Path("reports")


def cell_folder(run: Path, probe: Probe, seed: int) -> Path:
    """Where one cell keeps its traces."""
    return run / "traces" / probe.name / str(seed)


def new_run(out: Path | None, probes: Sequence[Probe]) -> Path:
    """Makes the folder of a run and writes its plan.

    Args:
        out: a new or empty folder; None: `reports/<time>`, with `reports/latest` pointing at it.
        probes: what will be run.

    Raises:
        ParityError: `out` holds something, or cannot be made.

    """
    run = out or _by_time()
    try:
        run.mkdir(parents=True, exist_ok=True)
        if any(run.iterdir()):
            raise ParityError(f"--out {run}: not empty; name a new folder, nothing is overwritten")
        plan = {"schema": SCHEMA, "probes": [to_plain(probe) for probe in probes]}
        (run / "plan.json").write_text(json.dumps(plan, indent=2), encoding="utf-8")
    except OSError as error:
        raise ParityError(f"{run}: cannot be written ({error.strerror}); name another folder with --out") from None
    if out is None:
        _point(REPORTS / LATEST, run)
    return run


def read_run(run: Path) -> RunResult:
    """Judges a stored run again, from its traces.

    Raises:
        BadTraceError: not the folder of a run, or of another schema.

    """
    try:
        plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
        schema = plan["schema"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadTraceError(f"{run}: not the folder of a run: it has no readable plan.json") from None
    if schema != SCHEMA:
        raise BadTraceError(f"{run}: a run of schema {schema!r}, this parity reads {SCHEMA}")
    return RunResult(probes=tuple(_probe_result(run, from_plain(plain)) for plain in plan["probes"]))


def provenance_of(run: Path, result: RunResult) -> dict[str, dict[str, Any]]:
    """By probe name, what the first readable candidate trace says of where it was recorded."""
    found: dict[str, dict[str, Any]] = {}
    for probe in (each.probe for each in result.probes):
        for seed in probe.workload.seeds:
            with suppress(BadTraceError):
                trace = read_trace(trace_path(cell_folder(run, probe, seed), ArmName.CANDIDATE))
                found.setdefault(probe.name, dict(trace.header.provenance))
    return found


def write_reports(run: Path, result: RunResult) -> None:
    """Renders `results.json` and `report.md` beside the traces."""
    (run / "results.json").write_text(render_json(result) + "\n", encoding="utf-8")
    (run / "report.md").write_text(render_markdown(result, provenance_of(run, result)), encoding="utf-8")


def _probe_result(run: Path, probe: Probe) -> ProbeResult:
    started = [seed for seed in probe.workload.seeds if cell_folder(run, probe, seed).is_dir()]
    cells = (assess(probe, seed, cell_folder(run, probe, seed)) for seed in started)
    return ProbeResult(probe=probe, cells=tuple(cells))


def _by_time() -> Path:
    stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    run, number = REPORTS / stamp, 1
    while run.exists():
        number += 1
        run = REPORTS / f"{stamp}-{number}"
    return run


def _point(link: Path, run: Path) -> None:
    """Moves the link in one step: a reader finds the old run or the new one."""
    if link.exists() and not link.is_symlink():
        raise ParityError(f"{link}: not a link of ours; move it away, nothing is overwritten")
    fresh = link.with_name(f".{link.name}-{run.name}")
    fresh.symlink_to(run.name, target_is_directory=True)
    fresh.replace(link)
