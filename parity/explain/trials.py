"""Runs variants of a candidate against one recorded reference, and keeps what was run.

A trial is a cell whose reference traces are there before it starts. Its folder outlives the process, so
that a search that was interrupted goes on from what it had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.judge.cell import judge_cell
from parity.probe.values import ArmName
from parity.trace.cell import cell_folder, lend_reference, must_run, read_cell, repetition_paths, trace_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parity.judge.result import CellResult
    from parity.probe.values import Probe
    from parity.trace.cell import Run


class Trials:
    """All cells of one explanation, at one seed."""

    def __init__(self, probe: Probe, folder: Path, run: Run) -> None:
        """Args: the probe, at one seed; where traces are kept; what runs cells."""
        self.folder = folder
        self._probe = probe
        self._asked: set[str] = set()
        self._run = run
        (self._seed,) = probe.workload.seeds

    @property
    def runs(self) -> int:
        """Arms that were run, now or before an interruption, including the two of the reference."""
        return len(self._asked) + (len(ArmName) - 1)

    def cell(self, name: str = "") -> Path:
        """The folder of a variant's cell; of the baseline without a name."""
        return self._cell(self._named(name, self._probe) if name else self._probe)

    def baseline(self) -> CellResult:
        """The result of the probe as it is."""
        self._asked.add(self._probe.name)
        return self._results([self._probe])[0]

    def candidates(self, variants: Mapping[str, Probe]) -> dict[str, CellResult]:
        """Runs each variant's candidate against the baseline's reference; names can be part of a folder name."""
        named = {name: self._named(name, probe) for name, probe in variants.items()}
        for probe in named.values():
            lend_reference(self._cell(self._probe), self._cell(probe), probe.name)
        self._asked.update(named)
        return dict(zip(named, self._results(list(named.values())), strict=True))

    def _named(self, name: str, probe: Probe) -> Probe:
        return replace(probe, name=f"{self._probe.name}+{name}")

    def _results(self, probes: list[Probe]) -> list[CellResult]:
        if fresh := [probe for probe in probes if must_run(self._cell(probe), self._given(probe))]:
            self._run(fresh, self.folder)
        return [judge_cell(probe, self._seed, read_cell(probe, self._seed, self._cell(probe))) for probe in probes]

    def _cell(self, probe: Probe) -> Path:
        return cell_folder(self.folder, probe, self._seed)

    def _given(self, probe: Probe) -> set[Path]:
        """The files that a trial has before it starts: the reference's traces."""
        cell = self._cell(probe)
        return (
            set() if probe.name == self._probe.name else {trace_path(cell, ArmName.REFERENCE), *repetition_paths(cell)}
        )
