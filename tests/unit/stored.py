"""Folders of runs as cells leave them, without training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.catalogue import find
from parity.probe.shard import Shard, dealt
from parity.probe.values import ArmName, Probe
from parity.store.folder import new_run
from parity.store.run import read_run, write_reports
from parity.trace.cell import EXIT, cell_folder, trace_path
from parity.trace.file import TraceWriter
from parity.trace.values import Ending
from tests.unit.made import END, HEADER, PROBE, START, step

if TYPE_CHECKING:
    from pathlib import Path

FIRST = replace(PROBE, workload=replace(PROBE.workload, steps=3))
OTHER = replace(FIRST, name="current/other")
PROBES = (FIRST, OTHER)
"""Four cells: dealt to two shards, each has one seed of both."""


def left_by_a_cell(run: Path, probe: Probe, seed: int, *, apart: bool = False, **provenance: Any) -> Path:
    """Writes the traces of a cell; `apart`: the candidate's loss of step 2 is another one."""
    folder = cell_folder(run, probe, seed)
    recorded = dict(HEADER.provenance) | {"parity": "0.1.0"} | provenance
    for arm in ArmName:
        header = replace(HEADER, probe=probe.name, arm=str(arm), seed=seed, provenance=recorded)
        with TraceWriter(trace_path(folder, arm), header) as writer:
            writer.start(START)
            for number in (1, 2, 3):
                moved = apart and arm is ArmName.CANDIDATE and number == 2
                writer.step(step(number, **({"loss": 9.0, "reported": {"loss": 9.0}} if moved else {})))
            writer.end(END)
            writer.close(Ending(complete=True))
    (folder / EXIT).write_text("0\n")
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
