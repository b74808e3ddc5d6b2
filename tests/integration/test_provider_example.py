"""The provider that `docs/add-a-provider.md` shows is the one in `tests/plugin`, and trains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.integration.running import ROOT, cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path


def test_the_manual_shows_it_as_it_is() -> None:
    page = (ROOT / "docs" / "add-a-provider.md").read_text()
    code = (ROOT / "tests" / "plugin" / "plain_provider.py").read_text()
    assert "```python\n" + code[code.index("from typing") :] + "```\n" in page
    assert 'plain = "plain_provider:Plain"' in page


def test_it_takes_the_steps_of_mlx_lm_and_what_it_ran_is_seen(tmp_path: Path) -> None:
    probe = probe_file(tmp_path / "plain.toml", candidate='provider = "plain"', expect='verdict = "identical"')
    done = parity("run", probe, "--out", tmp_path / "run", "--json", tmp_path / "out.json", plugin=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cells(tmp_path / "out.json")["plain"]["verdict"] == "identical"
    (found,) = json.loads((tmp_path / "out.json").read_text())["probes"]
    ran = {each["path"]: each["distribution"] for each in found["executed"]["candidate"]}
    assert ran["plain_trainer.py"] == "plain-trainer 1.0"
