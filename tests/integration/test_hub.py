"""A model of the hub: fetched before a cell starts, and where it cannot be had neither a pass nor a fail."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from parity.probe.hub import FILES
from tests.hub import COMMIT, TINY, hub
from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "someone/tiny"
OURS = f'model = "{MODEL}"'


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    """The self probe on a model of the hub, and one on the folder."""
    provider = 'provider = "mlx-lm-train"'
    probe_file(tmp_path / "set" / "hub.toml", workload=OURS, candidate=provider, expect='verdict = "identical"')
    probe_file(tmp_path / "set" / "here.toml", candidate=provider, expect='verdict = "identical"')
    return tmp_path / "set"


def test_the_hub_is_asked_for_what_mlx_lm_loads() -> None:
    from mlx_lm import utils

    assert sorted(FILES) == sorted(utils.DEFAULT_ALLOW_PATTERNS)


def test_a_model_is_fetched_and_trained(probes: Path, tmp_path: Path) -> None:
    with hub({MODEL: TINY}) as served:
        here = served.environment(tmp_path / "home")
        done = parity("run", probes / "hub.toml", "--out", tmp_path / "run", plugin=False, **here)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        f"model {MODEL}: asking the hub, and fetching what is not in the cache",
        f"model {MODEL}: commit {COMMIT}",
    ]
    assert "1 probe, as expected: identical." in lines
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["models"] == {MODEL: COMMIT}
    (probe,) = json.loads((tmp_path / "run" / "results.json").read_text())["probes"]
    (cell,) = probe["cells"]
    assert (cell["verdict"], cell["steps"], cell["metrics"]["loss"]["compared"]) == ("identical", 2, 2)
    assert [spot["what"] for spot in probe["blind_spots"] if spot["stage"] == "batch"] == ["a second epoch"]


def test_the_hub_is_not_asked_for_a_run_that_cannot_be_written(probes: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    with hub({MODEL: TINY}) as served:
        here = served.environment(tmp_path / "home")
        done = parity("run", probes / "hub.toml", "--out", tmp_path / "run", plugin=False, **here)
    assert (done.returncode, done.stdout, served.asked) == (2, "", [])
    assert done.stderr == f"parity: --out {tmp_path}/run: not empty; name a new folder, nothing is overwritten\n"


def test_without_the_model_its_probe_is_not_run_and_the_others_are(probes: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = {"HF_ENDPOINT": f"http://127.0.0.1:{free.getsockname()[1]}", "NO_PROXY": "127.0.0.1"}
    nowhere["HF_HOME"] = str(tmp_path / "home")
    done = parity("run", probes, "--out", tmp_path / "run", plugin=False, **nowhere)
    why = f"model {MODEL} is not available (the hub cannot be reached: Connection refused)"
    said = f"Not decided: 1 of 2 probes was not run: {why}; the other is as expected: 1 identical."
    assert (done.returncode, said in done.stdout.splitlines()) == (5, True), done.stdout + done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("– set/hub ")]
    assert row.split() == ["–", "set/hub", "1", "not", "run"]
    assert "✗" not in done.stdout
    assert not (tmp_path / "run" / "traces" / "set" / "hub").exists()
    result = json.loads((tmp_path / "run" / "results.json").read_text())
    by_name = {probe["probe"]: probe for probe in result["probes"]}
    found = by_name["set/hub"]
    assert (found["verdict"], found["expected"], found["not_run"], found["missing"]) == ("not run", False, why, [1])
    assert (by_name["set/here"]["verdict"], by_name["set/here"]["not_run"]) == ("identical", None)
    report = (tmp_path / "run" / "report.md").read_text()
    assert "| – set/hub | Is hub seen? | 1 | not run |  |" in report
    again = parity("report", tmp_path / "run", "--format", "json")
    assert (again.returncode, json.loads(again.stdout)) == (5, result)
