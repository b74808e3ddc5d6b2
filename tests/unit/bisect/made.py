"""A lab that trains nothing: every release says what a test says of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from parity.bisect.tester import ReleaseTester
from parity.errors import NotInstallableError
from parity.judge.result import CellResult
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from parity.trace.cell import cell_folder, note_exit
from tests.unit.made import PROBE, cell, divergence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parity.probe.values import Probe

LOSS = divergence(1, Stage.LOSS, "tokens", reference=108, candidate=107, delta=-1.0, ulp=1)
GOOD = cell(1)
BAD = cell(1, VerdictKind.DIVERGED, LOSS)
BROKEN = CellResult(seed=1, steps=0, verdict=None, failure="candidate: no module named [b]zoo[/b]")


@dataclass
class FakeLab:
    """By release: a result, or why it cannot be installed; a list is by seed."""

    says: Mapping[str, CellResult | str | list[CellResult]]
    ran: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def prepare(self, probe: Probe) -> None:
        said = self.says[probe.environment["zoo"]]
        if isinstance(said, str):
            raise NotInstallableError("environment zoo", said)

    def run(self, probe: Probe, folder: Path) -> tuple[CellResult, ...]:
        release, seeds = probe.environment["zoo"], probe.workload.seeds
        self.ran.append((release, seeds))
        said = self.says[release]
        assert not isinstance(said, str)
        cells = said if isinstance(said, list) else [said] * 2
        for seed in seeds:
            where = cell_folder(folder, probe, seed)
            where.mkdir(parents=True, exist_ok=True)
            note_exit(where, 0)
        by_seed = dict(zip(PROBE.workload.seeds, cells, strict=True))
        return tuple(replace(by_seed[seed], seed=seed) for seed in seeds)


def made_tester(folder: Path, lab: FakeLab, stage: Stage | None = None, together: int = 1) -> ReleaseTester:
    return ReleaseTester(
        probe=PROBE,
        package="zoo",
        beside={"mlx": "0.32.4"},
        folder=folder,
        lab=lab,
        stage=stage,
        together=together,
    )
