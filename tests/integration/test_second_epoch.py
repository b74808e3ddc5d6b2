"""A random number that is drawn once too often shows in the second epoch, and a probe says if it never gets there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 12
"""Six batches of two."""
NOT_REACHED = {"stage": "batch", "what": "a second epoch", "because": "training ends with batch 6 of 6 of the first"}


def run(folder: Path, steps: int) -> dict[str, Any]:
    rows = (ROOT / "fixtures" / "data" / "varied" / "train.jsonl").read_text().splitlines(keepends=True)
    (folder / "data").mkdir()
    (folder / "data" / "train.jsonl").write_text("".join(rows[:ROWS]))
    probe = probe_file(
        folder / "p.toml",
        steps,
        workload=f'data = "{folder}/data"',
        candidate='provider = "faulty"\nsettings = { fault = "draws once at step 2" }',
        expect='verdict = "identical"',
    )
    parity("run", probe, "--out", folder / "run", "--json", folder / "out.json", plugin=True)
    found: dict[str, Any] = json.loads((folder / "out.json").read_text())["probes"][0]
    return found


@pytest.mark.parametrize("steps", [6, 8])
def test_one_draw_too_many_is_seen_in_the_second_epoch_or_said_to_be_hidden(tmp_path: Path, steps: int) -> None:
    probe = run(tmp_path, steps)
    (cell,) = probe["cells"]
    if steps == 6:
        assert cell["verdict"] == "identical"
        assert NOT_REACHED in probe["blind_spots"]
    else:
        at = cell["first_divergence"]
        assert (cell["verdict"], at["step"], at["stage"]) == ("diverged", 7, "batch")
        assert "a second epoch" not in [spot["what"] for spot in probe["blind_spots"]]
