"""The project's own probes of today's releases: what they declare is what is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.integration.running import ROOT, parity

if TYPE_CHECKING:
    from pathlib import Path


def test_what_the_current_probes_declare_is_so(tmp_path: Path) -> None:
    arguments = ("--seeds", "1", "--steps", "2", "--jobs", "2", "--out", tmp_path / "run")
    done = parity("run", ROOT / "probes" / "current", *arguments, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stdout
    strict, own = sorted(json.loads((tmp_path / "out.json").read_text())["probes"], key=lambda p: str(p["verdict"]))
    assert (own["probe"], own["verdict"]) == ("current/self", "identical")
    assert (strict["probe"], strict["verdict"]) == ("current/strict", "diverged")
    metrics = strict["cells"][0]["metrics"]
    assert metrics["tokens"]["first_step"] == 1
    assert metrics["batch"]["first_step"] is None
