"""The goldens of this repository can be read, and are of the probes as they are now."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.golden.folder import check_golden
from parity.probe.file import read_probe

ROOT = Path(__file__).parents[3]
GOLDENS = sorted((ROOT / "fixtures" / "golden").glob("*/*.txt"))


def test_there_are_some() -> None:
    assert GOLDENS


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_committed_golden_is_of_its_probe(path: Path) -> None:
    head = dict(line.removeprefix("# ").split(": ", 1) for line in path.read_text().splitlines()[1:6])
    probe = read_probe(ROOT / "probes" / f"{head['probe']}.toml")
    golden = check_golden(path, probe, int(head["seed"]))
    assert len(golden.steps) == probe.workload.steps
    assert path.stat().st_size < 10_000
