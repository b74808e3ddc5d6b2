"""The probes of the real model ask what those of the tiny one ask, and expect the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.probe.file import read_probe
from parity.probe.hub import hub_ids

if TYPE_CHECKING:
    from parity.probe.values import Arm

PROBES = Path(__file__).parents[3] / "probes"
FILES = sorted(PROBES.glob("apple/*.toml"))
MODEL = "unsloth/gemma-3-270m-it"


def on_the_model(arm: Arm) -> Arm:
    return arm if arm.workload is None else replace(arm, workload=replace(arm.workload, model=MODEL))


def test_the_important_ones_are_there() -> None:
    assert {"self", "strict", "accumulation"} <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_differs_from_its_sibling_in_name_and_model_alone(file: Path) -> None:
    sibling = read_probe(PROBES / "current" / file.name)
    found = read_probe(file)
    assert found != sibling
    assert found == replace(
        sibling,
        name=f"apple/{file.stem}",
        file=str(file),
        workload=replace(sibling.workload, model=MODEL),
        reference=on_the_model(sibling.reference),
        candidate=on_the_model(sibling.candidate),
    )
    assert hub_ids(found) == (MODEL,)
