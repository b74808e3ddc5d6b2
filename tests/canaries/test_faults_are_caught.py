"""Known faults, each in a real trainer, each to be caught at its stage and step; and no false alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

FAULTS = {
    "weights in float16": (0, "load", "base"),
    "one layer fewer": (0, "adapt", "trainable"),
    "lora_b not zero": (0, "adapt", "trainable"),
    "other batch order": (1, "batch", "batch"),
    "one token more in the denominator": (1, "loss", "tokens"),
    "loss of the batch, not of its tokens": (1, "loss", "loss"),
    "gradient x (1 + 2^-10)": (1, "clip", "clipped_norm"),
    "learning rate x 1.01": (1, "schedule", "lr"),
    "no bias correction": (1, "update", "params"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("canaries")
    for fault in [*FAULTS, "none"]:
        probe_file(
            folder / "probes" / f"{fault}.toml",
            candidate=f'provider = "faulty"\nsettings = {{ fault = "{fault}" }}',
            expect='verdict = "identical"',
        )
    done = parity(
        "run", folder / "probes", "--jobs", "2", "--out", folder / "run", "--json", folder / "out.json", plugin=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return cells(folder / "out.json")


@pytest.mark.parametrize(("fault", "where"), FAULTS.items())
def test_a_fault_is_caught_at_its_stage_and_step(
    found: dict[str, dict[str, Any]], fault: str, where: tuple[int, str, str]
) -> None:
    cell = found[fault]
    assert cell["verdict"] == "diverged", cell["reason"]
    at = cell["first_divergence"]
    assert (at["step"], at["stage"], at["metric"]) == where


def test_a_provider_without_a_fault_raises_no_alarm(found: dict[str, dict[str, Any]]) -> None:
    assert found["none"]["verdict"] == "identical"
