"""Two arms that train nothing are equal, and no pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, **tables: str) -> tuple[dict[str, Any], str, int]:
    probe = probe_file(folder / "p.toml", **tables)
    done = parity("run", probe, "--out", folder / "run", "--json", folder / "out.json")
    return json.loads((folder / "out.json").read_text())["probes"][0]["cells"][0], done.stdout, done.returncode


@pytest.mark.parametrize(
    ("workload", "why"),
    [
        ("optimizer.learning_rate = 0.0", "none of 56 trainable tensors moved"),
        ("lora.scale = 0.0", "the gradient was zero at every one of 2 steps"),
    ],
)
def test_two_arms_that_train_nothing_are_invalid(tmp_path: Path, workload: str, why: str) -> None:
    cell, said, status = run(
        tmp_path, workload=workload, candidate='provider = "mlx-lm-train"', expect='verdict = "identical"'
    )
    assert (cell["verdict"], status) == ("invalid", 5)
    assert cell["reason"] == f"nothing was trained: in both arms, {why}"
    assert "nothing was trained" in said


def test_one_arm_that_trains_nothing_is_named_beside_the_divergence(tmp_path: Path) -> None:
    cell, said, status = run(
        tmp_path,
        candidate='provider = "mlx-lm-train"',
        candidate_workload="optimizer.learning_rate = 0.0",
        expect='verdict = "diverged"\nstage = "schedule"',
    )
    assert (cell["verdict"], status) == ("diverged", 0)
    assert cell["alarms"] == [
        "candidate: the learning rate is 0 at every step",
        "candidate: nothing was trained: none of 56 trainable tensors moved",
    ]
    assert "2 alarms of an arm by itself" in said
