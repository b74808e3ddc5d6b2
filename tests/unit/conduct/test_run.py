"""A run is planned as a whole before a cell of it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.conduct.run import plan_run
from parity.errors import BadGoldenError, ParityError
from parity.probe.file import read_probe
from parity.probe.shard import Shard
from parity.store.plan import read_plan
from tests.unit.conduct.test_probes import PROBE

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from parity.probe.values import Probe


@pytest.fixture
def probes(tmp_path: Path) -> list[Probe]:
    """Two probes of two libraries, each at two seeds."""
    (tmp_path / "a.toml").write_text(PROBE)
    (tmp_path / "b.toml").write_text(PROBE.replace("mlx-lm-train", "mlx-lm"))
    return [read_probe(tmp_path / f"{name}.toml", ["workload.seeds=[1, 2]"]) for name in "ab"]


def nothing_said(line: str) -> None:
    raise AssertionError(line)


def test_the_first_cell_of_every_library_gets_a_control(probes: list[Probe], tmp_path: Path) -> None:
    planned = plan_run(probes, out=tmp_path / "run", say=nothing_said)
    assert planned.controls == {(probe.name, 1) for probe in probes}
    assert planned.own == tuple(probes)
    assert read_plan(planned.folder).promised.controls == tuple(sorted(planned.controls))
    assert [path.name for path in planned.folder.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("controls", [[], ["b"]])
def test_or_those_that_are_named(probes: list[Probe], tmp_path: Path, controls: Collection[str]) -> None:
    named = {(probe.name, 2) for probe in probes if probe.name[-1] in controls}
    planned = plan_run(probes, out=tmp_path / "run", say=nothing_said, controls=named)
    assert planned.controls == named
    assert read_plan(planned.folder).promised.controls == tuple(named)


def test_a_shard_has_its_own_cells_and_the_plan_of_all(probes: list[Probe], tmp_path: Path) -> None:
    planned = plan_run(probes, out=tmp_path / "run", say=nothing_said, shard=Shard(number=2, of=2))
    assert [(probe.name, probe.workload.seeds) for probe in planned.own] == [(probe.name, (2,)) for probe in probes]
    assert [probe.workload.seeds for probe in read_plan(planned.folder).probes] == [(1, 2), (1, 2)]


def test_a_folder_that_is_not_empty_is_refused_first(probes: list[Probe], tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="not empty; name a new folder, nothing is overwritten"):
        plan_run(probes, out=tmp_path, say=nothing_said, golden=tmp_path / "gone")


def test_goldens_that_decide_must_be_there(probes: list[Probe], tmp_path: Path) -> None:
    with pytest.raises(BadGoldenError, match="gone: no such folder"):
        plan_run(probes, out=tmp_path / "run", say=nothing_said, golden=tmp_path / "gone")
    assert not (tmp_path / "run").exists()
