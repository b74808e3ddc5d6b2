"""Folders of runs as cells leave them, without training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.catalogue import find
from parity.probe.shard import Shard, dealt
from parity.probe.values import ArmName, Probe
from parity.store.folder import new_run
from parity.store.run import read_run, write_reports
from parity.trace.cell import cell_folder, note_exit, trace_path
from parity.trace.file import TraceWriter
from tests.unit.made import DONE, END, HEADER, PROBE, START, step

if TYPE_CHECKING:
    from pathlib import Path

    from parity.trace.values import Ending, Header, Outcome, Start, Step

FIRST = replace(PROBE, workload=replace(PROBE.workload, steps=3))
OTHER = replace(FIRST, name="current/other")
PROBES = (FIRST, OTHER)
"""Four cells: dealt to two shards, each has one seed of both."""


def write_trace(
    path: Path,
    header: Header,
    *steps: Step,
    start: Start | None = START,
    outcome: Outcome | None = None,
    ending: Ending | None = DONE,
) -> None:
    """Writes what an arm leaves; without an `ending` it stops after its steps."""
    with TraceWriter(path, header) as writer:
        if start is not None:
            writer.start(start)
        for each in steps:
            writer.step(each)
        if ending is not None:
            writer.end(END)
            if outcome is not None:
                writer.outcome(outcome)
            writer.close(ending)


def left_by_a_cell(run: Path, probe: Probe, seed: int, *, apart: bool = False, **provenance: Any) -> Path:
    """Writes the traces of a cell; `apart`: the candidate's loss of step 2 is another one."""
    folder = cell_folder(run, probe, seed)
    recorded = dict(HEADER.provenance) | {"parity": "0.1.0"} | provenance
    for arm in ArmName:
        header = replace(HEADER, probe=probe.name, arm=str(arm), seed=seed, provenance=recorded)
        moved = {"loss": 9.0, "reported": {"loss": 9.0}} if apart and arm is ArmName.CANDIDATE else {}
        write_trace(trace_path(folder, arm), header, step(1), step(2, **moved), step(3))
    note_exit(folder, 0)
    return folder


def shard_at(out: Path, number: int, of: int = 2, probes: tuple[Probe, ...] = PROBES, **provenance: Any) -> Path:
    """The folder of a shard that has run its share."""
    shard = Shard(number=number, of=of)
    run = new_run(out, probes, {}, shard=shard)
    by_name = {probe.name: probe for probe in probes}
    for name, seed in dealt(probes, shard):
        left_by_a_cell(run, by_name[name], seed, **provenance)
    write_reports(run, read_run(run, find))
    return run
