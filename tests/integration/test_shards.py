"""A run that was dealt over machines is the run, and what is not a share of it is refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

SHARDS = (1, 2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two probes at two seeds: `whole`, and dealt into `shard-1` and `shard-2`; one of them expects what is not so."""
    folder: Path = tmp_path_factory.mktemp("runs")
    provider = 'provider = "mlx-lm-train"'
    probe_file(folder / "set" / "alike.toml", candidate=provider, expect='verdict = "identical"')
    probe_file(
        folder / "set" / "outcomes.toml",
        extends="hello",
        candidate=provider,
        outcomes='prompt = "a"\ncontains = "b"\nmax_tokens = 2',
        expect='verdict = "identical"\noutcomes = { contains = "identical" }',
    )
    asked = ("run", folder / "set", "--steps", "2", "--seeds", "1,42", "--jobs", "2")
    done = parity(*asked, "--out", folder / "whole")
    assert done.returncode == 0, done.stderr
    for number in SHARDS:
        more = ("--canaries", "--canaries-seed", "0") if number == 2 else ()
        done = parity(*asked, "--shard", f"{number}/2", "--out", folder / f"shard-{number}" / "run", *more)
        (folder / f"shard-{number}.txt").write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    return folder


def results(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


@pytest.mark.parametrize("number", SHARDS)
def test_a_shard_judges_its_share_and_says_so_first(runs: Path, number: int) -> None:
    said = (runs / f"shard-{number}.txt").read_text()
    assert said.startswith("0\n")
    assert f"\nShard {number} of 2. All 2 probes as expected: 2 identical.\n" in said
    assert "outcomes     1 probe: decided once merged" in said
    found = results(runs / f"shard-{number}" / "run")
    assert (found["shard"], found["postponed"]) == ({"number": number, "of": 2}, {"set/outcomes": ["contains"]})
    assert [[cell["seed"] for cell in probe["cells"]] for probe in found["probes"]] == [[(1, 42)[number - 1]]] * 2


@pytest.mark.parametrize("number", SHARDS)
def test_a_stored_shard_answers_as_it_did(runs: Path, number: int) -> None:
    done = parity("report", runs / f"shard-{number}" / "run", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == results(runs / f"shard-{number}" / "run")


def test_only_the_first_shard_puts_known_faults_in(runs: Path) -> None:
    assert results(runs / "shard-2" / "run")["canaries"] is None


def test_the_whole_plan_is_in_every_shard(runs: Path) -> None:
    plans = [json.loads((runs / f"shard-{number}" / "run" / "plan.json").read_text()) for number in SHARDS]
    assert plans[0]["probes"] == plans[1]["probes"]
    assert [probe["workload"]["seeds"] for probe in plans[0]["probes"]] == [[1, 42], [1, 42]]


def test_merged_shards_are_the_run(runs: Path, tmp_path: Path) -> None:
    done = parity("merge", runs / "shard-2", runs / "shard-1", "--out", tmp_path / "merged")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("All 2 probes as expected: 2 identical.\n")
    assert results(tmp_path / "merged") == results(runs / "whole")
    assert (tmp_path / "merged" / "report.md").is_file()
    again = parity("report", tmp_path / "merged", "--format", "json")
    assert (again.returncode, json.loads(again.stdout)) == (0, results(runs / "whole"))


def test_a_missing_shard_is_no_pass(runs: Path, tmp_path: Path) -> None:
    for command in (("merge", runs / "shard-1", "--out", tmp_path / "merged"), ("report", tmp_path / "merged")):
        done = parity(*command)
        assert done.returncode == 5
        assert "Shard 2 of 2 is missing: 2 of 4 cells were not run. Not decided: 2 of 2 probes were" in done.stdout


def test_what_cannot_be_merged_is_one_line(runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(runs / "shard-2", other)
    plan = other / "run" / "plan.json"
    edited = plan.read_text().replace('"steps": 2', '"steps": 3', 1)
    assert edited != plan.read_text()
    plan.write_text(edited)
    for shards, said in (
        ((runs / "whole",), "a whole run, not a shard"),
        ((runs / "shard-1", runs / "shard-1"), "are both shard 1 of 2"),
        ((runs / "shard-1", other), "set/alike: workload.steps is 2 in"),
        ((tmp_path / "nowhere",), "not the folder of a run"),
    ):
        done = parity("merge", *shards, "--out", tmp_path / "merged")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert said in done.stderr
        assert not (tmp_path / "merged").exists()
    done = parity("merge", runs / "shard-1", runs / "shard-2", "--out", runs / "whole")
    assert (done.returncode, done.stderr.splitlines()[1:]) == (2, [])
    assert "not empty; name a new folder, nothing is overwritten" in done.stderr


@pytest.mark.parametrize(
    ("shard", "said"),
    [
        *[(text, f"--shard {text}: write it as 2/5, the second of five shards") for text in ("0/5", "6/5", "x", "2/0")],
        ("1/9", "--shard 1/9: 9 shards for 4 cells would leave some shards empty; use at most 4"),
    ],
)
def test_a_shard_that_there_is_not_is_one_line(runs: Path, tmp_path: Path, shard: str, said: str) -> None:
    done = parity("run", runs / "set", "--seeds", "1,42", "--shard", shard, "--out", tmp_path / "out")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"parity: {said}\n")
    assert not (tmp_path / "out").exists()
