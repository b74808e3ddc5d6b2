"""Runs variants of a candidate against one recorded reference, and keeps what was run.

A trial is a cell whose reference traces are there before it starts. Its folder outlives the process, so
that a search that was interrupted goes on from what it had.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from parity.assess import EXIT, assess, trace_path
from parity.lent import LENT, lend_reference
from parity.probe.values import ArmName
from parity.rundir import cell_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from parity.probe.values import Probe
    from parity.result import CellResult

Run = Callable[["Sequence[Probe]", "Path"], object]
"""Runs probes into a folder, as `parity.sweep.run_probes` does, until they have ended."""


class Trials:
    """All cells of one explanation, at one seed."""

    def __init__(self, probe: Probe, folder: Path, run: Run) -> None:
        """Args: the probe, at one seed; where everything is kept; what runs cells."""
        self.runs = 0
        """Arms that were run for this explanation, now or before it was interrupted, the reference's two included."""
        self._probe = probe
        self._folder = folder
        self._run = run
        (self._seed,) = probe.workload.seeds

    def baseline(self) -> CellResult:
        """The probe as it is."""
        result = self._results([self._probe])[0]
        self.runs += len(ArmName)
        return result

    def candidates(self, variants: Mapping[str, Probe]) -> dict[str, CellResult]:
        """Each variant's candidate, by a name that is fit for a folder, against the baseline's reference."""
        named = {name: replace(probe, name=f"{self._probe.name}+{name}") for name, probe in variants.items()}
        for probe in named.values():
            lend_reference(self._cell(self._probe), self._cell(probe), probe.name)
        self.runs += len(named)
        return dict(zip(named, self._results(list(named.values())), strict=True))

    def _results(self, probes: list[Probe]) -> list[CellResult]:
        fresh = [probe for probe in probes if not self._is_done(probe)]
        for probe in fresh:
            self._forget_half(probe)
        if fresh:
            self._run(fresh, self._folder)
        return [assess(probe, self._seed, self._cell(probe)) for probe in probes]

    def _is_done(self, probe: Probe) -> bool:
        """What a signal ended is run again."""
        try:
            return int((self._cell(probe) / EXIT).read_text("ascii")) >= 0
        except (OSError, ValueError):
            return False

    def _cell(self, probe: Probe) -> Path:
        return cell_folder(self._folder, probe, self._seed)

    def _forget_half(self, probe: Probe) -> None:
        """What a killed cell left; reference traces that were given to it stay."""
        kept = () if probe.name == self._probe.name else LENT
        cell = self._cell(probe)
        for path in cell.iterdir() if cell.is_dir() else ():
            if path not in {trace_path(cell, arm) for arm in kept}:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
