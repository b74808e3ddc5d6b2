"""What the README says of today's releases is what is there; `make parity` asks the whole of `probes/current`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.integration.running import ROOT, parity

if TYPE_CHECKING:
    from pathlib import Path

CURRENT = ROOT / "probes" / "current"


def test_a_declared_divergence_hides_no_other(tmp_path: Path) -> None:
    decay = ("--set", "candidate.workload.optimizer.weight_decay=0.9")
    asked = (CURRENT / "strict.toml", "--seeds", "1", "--steps", "2", *decay, "--out", tmp_path / "run")
    done = parity("run", *asked, "--json", tmp_path / "out.json")
    assert done.returncode == 1, done.stdout
    probe, rest = json.loads((tmp_path / "out.json").read_text())["probes"]
    assert (probe["verdict"], probe["expected"]) == ("diverged", True)
    (cell,) = rest["cells"]
    assert (rest["probe"], rest["expected"], cell["verdict"]) == ("current/strict+rest", False, "diverged")
    assert (cell["first_divergence"]["step"], cell["first_divergence"]["stage"]) == (1, "update")
    recorded, lent = (tmp_path / "run" / "traces" / name / "1" for name in ("current/strict", "current/strict+rest"))
    steps = [(folder / "reference.jsonl").read_text().split("\n", 1)[1] for folder in (recorded, lent)]
    assert steps[0] == steps[1]  # the reference was not trained again


def test_what_the_readme_says_of_todays_trainer_is_so(tmp_path: Path) -> None:
    asked = [CURRENT / f"{name}.toml" for name in ("self", "strict")]
    arguments = ("--seeds", "1", "--steps", "2", "--jobs", "2", "--out", tmp_path / "run")
    done = parity("run", *asked, *arguments, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stdout
    found = {probe["probe"]: probe for probe in json.loads((tmp_path / "out.json").read_text())["probes"]}
    assert {name: probe["verdict"] for name, probe in found.items()} == {
        "current/self": "identical",
        "current/strict": "diverged",
        "current/strict+rest": "identical",
    }
    metrics = found["current/strict"]["cells"][0]["metrics"]
    first = {name: metrics[name]["first_step"] for name in ("base", "base_at_start", "batch", "tokens")}
    assert first == {"base": None, "base_at_start": 0, "batch": None, "tokens": 1}
