"""On a device that does not repeat itself, repetitions of the reference are bought until they decide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

NOISE = 1e-4


def run(folder: Path, *, error: float, noise: float = NOISE, repeats: int = 19) -> tuple[dict[str, Any], str, int]:
    probe = probe_file(
        folder / "p.toml",
        extends="short",
        reference=f'provider = "noisy"\nsettings = {{ noise = {noise} }}',
        candidate=f'provider = "noisy"\nsettings = {{ noise = {noise}, error = {error} }}',
        expect='verdict = "within"',
    )
    out = folder / "out.json"
    done = parity(
        "run", probe, "--out", folder / "run", "--json", out, "--repeats", str(repeats), plugin=True
    )  # fmt: skip
    assert out.is_file(), done.stdout + done.stderr
    return json.loads(out.read_text())["probes"][0]["cells"][0], done.stdout, done.returncode


def test_an_error_far_above_the_floor_buys_repetitions_up_to_the_bound(tmp_path: Path) -> None:
    cell, said, status = run(tmp_path, error=100 * NOISE, repeats=6)
    assert (cell["verdict"], cell["repetitions"], status) == ("inconclusive", 6, 5)
    assert cell["reason"] == (
        "further off than all 6 repetitions of the reference, but 19 are needed for 95% confidence"
    )
    assert len(list((tmp_path / "run" / "traces").rglob("reference-again*.jsonl"))) == 6
    assert cell["bounds"]["loss"] > 100 * NOISE
    assert "noise floor  1 cell with a reference that does not repeat itself" in said
    assert "no difference > " in parity("report", tmp_path / "run", "-v").stdout
    again = parity("report", tmp_path / "run", "--format", "json")
    assert json.loads(again.stdout)["probes"][0]["cells"][0] == cell


def test_no_error_is_within_and_the_floor_and_a_bound_stand_beside_it(tmp_path: Path) -> None:
    cell, said, _ = run(tmp_path, error=0.0, repeats=3)
    assert cell["verdict"] in {"within", "inconclusive"}  # one in four repetitions is further off than three others
    assert cell["repetitions"] == 3
    assert 0 < cell["noise_floor"]["loss"] < cell["bounds"]["loss"] < 100 * NOISE
    assert "noise floor  1 cell with a reference that does not repeat itself" in said
    assert f"loss floor {cell['noise_floor']['loss']:.2g}" in parity("report", tmp_path / "run", "-v").stdout


def test_a_device_that_repeats_itself_all_the_same_is_judged_bit_for_bit(tmp_path: Path) -> None:
    cell, _, _ = run(tmp_path, error=1e-6, noise=0.0)
    assert (cell["verdict"], cell["repetitions"], cell["bounds"]) == ("diverged", 1, {})


@pytest.mark.parametrize("asked", ["0", "-1"])
def test_no_repetitions_are_no_answer(tmp_path: Path, asked: str) -> None:
    done = parity("run", probe_file(tmp_path / "p.toml", candidate='provider = "mlx-lm"'), "--repeats", asked)
    assert done.returncode == 2
    assert f"'--repeats': {asked} is not in the range x>=1" in done.stderr
