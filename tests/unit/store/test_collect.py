from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.canaries.catalogue import find
from parity.cli import cli
from parity.errors import ExitStatus, ParityError
from parity.gate.sentence import sentence
from parity.golden.folder import Goldens, keep_goldens
from parity.judge.blind_spots import BlindSpot
from parity.metrics import Stage
from parity.probe.shard import MissingShards, Shard
from parity.probe.values import Expectation, Outcomes, VerdictKind
from parity.report.json import render_json
from parity.store.collect import copy_explanations, copy_shards, read_stored
from parity.store.folder import new_run
from parity.store.merge import merged
from parity.store.run import read_run, write_reports
from parity.trace.cell import EXIT, note_not_started
from tests.unit.made import EXPLANATION
from tests.unit.stored import FIRST, OTHER, PROBES, left_by_a_cell, shard_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from parity.gate.result import RunResult


def merge(out: Path, *shards: Path) -> RunResult:
    stored = [read_stored(shard) for shard in shards]
    copy_shards(stored, merged(stored), out)
    result = read_run(out, find)
    copy_explanations(stored, result, out)
    return result


def refused(shard: Path) -> str:
    with pytest.raises(ParityError) as error:
        read_stored(shard)
    assert error.value.status is ExitStatus.USAGE
    assert "\n" not in str(error.value)
    return str(error.value)


def replan(run: Path, **changed: Any) -> Path:
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps(plan | changed))
    return run


def whole(out: Path) -> Path:
    run = new_run(out, PROBES, {})
    for probe in PROBES:
        for seed in probe.workload.seeds:
            left_by_a_cell(run, probe, seed)
    return run


def test_the_shards_of_a_run_make_the_run(tmp_path: Path) -> None:
    shards = [shard_at(tmp_path / "s1", 1), shard_at(tmp_path / "s2", 2)]
    result = merge(tmp_path / "out", *reversed(shards))
    assert render_json(result) == render_json(read_run(whole(tmp_path / "whole"), find))
    assert (sentence(result), result.status) == ("All 2 probes as expected: 2 identical.", ExitStatus.EXPECTED)


@pytest.mark.parametrize("of", [1, 3, 4])
def test_however_many_shards_there_are(tmp_path: Path, of: int) -> None:
    result = merge(tmp_path / "out", *[shard_at(tmp_path / f"s{n}", n, of) for n in range(1, of + 1)])
    assert result.status is ExitStatus.EXPECTED


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.sets(st.integers(1, 4), min_size=1, max_size=3))
def test_without_a_shard_nothing_passes(tmp_path_factory: pytest.TempPathFactory, numbers: set[int]) -> None:
    folder = tmp_path_factory.mktemp("shards")
    result = merge(folder / "out", *[shard_at(folder / f"s{number}", number, 4) for number in numbers])
    missing = tuple(number for number in (1, 2, 3, 4) if number not in numbers)
    assert result.missing_shards == MissingShards(of=4, missing=missing)
    assert (result.status, result.expected) == (ExitStatus.UNDECIDED, False)
    assert sentence(result).startswith("Shard")


def test_an_artifact_that_holds_one_run_is_a_shard_and_one_of_two_runs_is_not(tmp_path: Path) -> None:
    shard_at(tmp_path / "artifact" / "2026-11-22", 1)
    (tmp_path / "artifact" / "latest").symlink_to("2026-11-22")
    assert read_stored(tmp_path / "artifact").folder == tmp_path / "artifact" / "2026-11-22"
    shard_at(tmp_path / "artifact" / "more", 2)
    assert (
        refused(tmp_path / "artifact") == f"{tmp_path}/artifact: holds 2 runs, 2026-11-22 and more among them; name one"
    )


@pytest.mark.parametrize("lost", ["folder", "exit"])
def test_a_cell_that_is_not_whole_is_not_run_and_its_shard_is_named(tmp_path: Path, lost: str) -> None:
    one, two = shard_at(tmp_path / "s1", 1), shard_at(tmp_path / "s2", 2)
    cell = two / "traces" / "current" / "self" / "42"
    shutil.rmtree(cell) if lost == "folder" else (cell / EXIT).unlink()
    result = merge(tmp_path / "out", one, two)
    assert sentence(result) == (
        "Shard 2 of 2 is incomplete: 1 of 4 cells was not run. Not decided: 1 of 2 probes was not run at every seed; "
        "the other is as expected: 1 identical."
    )
    assert result.status is ExitStatus.UNDECIDED
    assert not (tmp_path / "out" / "traces" / "current" / "self" / "42").exists()


def test_a_shard_that_never_came_to_its_report_is_no_pass_though_its_cells_are(tmp_path: Path) -> None:
    one, two = shard_at(tmp_path / "s1", 1), shard_at(tmp_path / "s2", 2)
    (two / "results.json").unlink()
    result = merge(tmp_path / "out", one, two)
    assert sentence(result) == (
        "Shard 2 of 2 is incomplete. Not decided: what was run is as expected: 2 probes, 2 identical."
    )
    assert result.status is ExitStatus.UNDECIDED


def test_a_cell_that_could_not_be_started_is_told_by_the_whole_as_by_its_shard(tmp_path: Path) -> None:
    one, two = shard_at(tmp_path / "s1", 1), shard_at(tmp_path / "s2", 2)
    cell = two / "traces" / "current" / "self" / "42"
    shutil.rmtree(cell)
    note_not_started(cell, "environment zoo==9 cannot be installed")
    assert read_run(two, find).status is ExitStatus.NOT_RUN
    result = merge(tmp_path / "out", one, two)
    assert result.status is ExitStatus.NOT_RUN
    assert result.probes[0].cells[1].failure == "environment zoo==9 cannot be installed"


def test_a_trace_that_is_cut_in_a_cell_that_ended_is_an_arm_that_did_not_run(tmp_path: Path) -> None:
    one, two = shard_at(tmp_path / "s1", 1), shard_at(tmp_path / "s2", 2)
    trace = two / "traces" / "current" / "self" / "42" / "candidate.jsonl"
    trace.write_text(trace.read_text()[:-40])
    assert merge(tmp_path / "out", one, two).status is ExitStatus.NOT_RUN


def test_a_divergence_that_a_shard_found_decides_though_another_is_missing(tmp_path: Path) -> None:
    run = new_run(tmp_path / "s1", PROBES, {}, shard=Shard(number=1, of=2))
    left_by_a_cell(run, FIRST, 1, apart=True)
    left_by_a_cell(run, OTHER, 1)
    write_reports(run, read_run(run, find))
    result = merge(tmp_path / "out", run)
    assert result.status is ExitStatus.UNEXPECTED
    assert sentence(result).startswith(
        "Shard 2 of 2 is missing: 2 of 4 cells were not run. Not as expected, 1 of 2 probes"
    )


def test_a_model_that_one_machine_did_not_get_is_told_of_its_cells_alone(tmp_path: Path) -> None:
    spot = BlindSpot(stage=Stage.BATCH, what="padding", because="so")
    one = new_run(
        tmp_path / "s1", PROBES, {}, not_run={FIRST.name: "model a/b is not available (x)"}, shard=Shard(number=1, of=2)
    )
    left_by_a_cell(one, OTHER, 1)
    write_reports(one, read_run(one, find))
    two = new_run(tmp_path / "s2", PROBES, {FIRST.name: (spot,)}, shard=Shard(number=2, of=2))
    for probe in PROBES:
        left_by_a_cell(two, probe, 42)
    write_reports(two, read_run(two, find))
    result = merge(tmp_path / "out", one, two)
    assert sentence(result) == (
        "Not decided: 1 of 2 probes was not run: model a/b is not available (x); the other is as expected: 1 identical."
    )
    assert (result.status, result.probes[0].missing, result.probes[0].blind) == (ExitStatus.UNDECIDED, (1,), (spot,))


def test_the_goldens_of_all_shards_are_kept(tmp_path: Path) -> None:
    shards = [shard_at(tmp_path / f"s{number}", number) for number in (1, 2)]
    for shard, seed in zip(shards, (1, 42), strict=True):
        texts = {f"linux-x86_64-cpu/current-self-{seed}.txt": f"golden {seed}"}
        keep_goldens(Goldens(decides=False, texts=texts, passed_over=(f"not {seed}",)), shard)
        (shard / "goldens" / "linux-x86_64-cpu" / "other.txt").write_text("of no cell of this shard")
    stored = [read_stored(shard) for shard in shards]
    copy_shards(stored, merged(stored), tmp_path / "out")
    kept = tmp_path / "out" / "goldens"
    assert json.loads((kept / "goldens.json").read_text()) == {"decides": False, "passed_over": ["not 1", "not 42"]}
    assert {path.name: path.read_text() for path in (kept / "linux-x86_64-cpu").iterdir()} == {
        "current-self-1.txt": "golden 1",
        "current-self-42.txt": "golden 42",
    }


def test_the_canaries_of_the_first_shard_are_the_runs(tmp_path: Path) -> None:
    shards = [shard_at(tmp_path / f"s{number}", number) for number in (1, 2)]
    for shard in shards:
        (shard / "canaries").mkdir()
        (shard / "canaries" / "plan.json").write_text(shard.name)
    merge(tmp_path / "out", *shards)
    assert (tmp_path / "out" / "canaries" / "plan.json").read_text() == "s1"


def test_the_explanation_is_that_of_the_first_seed_that_diverged(tmp_path: Path) -> None:
    for number, seed in ((1, 1), (2, 42)):
        run = new_run(tmp_path / f"s{number}", PROBES, {}, shard=Shard(number=number, of=2))
        left_by_a_cell(run, FIRST, seed, apart=True)
        left_by_a_cell(run, OTHER, seed)
        for probe in PROBES:
            folder = run / "explanations" / probe.name
            folder.mkdir(parents=True)
            (folder / "explanation.json").write_text(json.dumps(seed))
    merge(tmp_path / "out", tmp_path / "s2", tmp_path / "s1")
    kept = tmp_path / "out" / "explanations" / "current"
    assert [path.name for path in kept.iterdir()] == ["self"]
    assert (kept / "self" / "explanation.json").read_text() == "1"


def test_the_report_of_the_whole_holds_the_explanation_as_the_report_of_a_run_does(tmp_path: Path) -> None:
    for number, seed in ((1, 1), (2, 42)):
        run = new_run(tmp_path / f"s{number}", PROBES, {}, shard=Shard(number=number, of=2))
        left_by_a_cell(run, FIRST, seed, apart=True)
        left_by_a_cell(run, OTHER, seed)
        write_reports(run, read_run(run, find))
        folder = run / "explanations" / FIRST.name
        folder.mkdir(parents=True)
        (folder / "explanation.json").write_text(json.dumps(EXPLANATION | {"seed": seed}))
    out = tmp_path / "out"
    done = CliRunner().invoke(cli, ["merge", f"{tmp_path}/s1", f"{tmp_path}/s2", "--out", str(out)])
    assert done.exception is None, done.output
    (probe, _) = json.loads((out / "results.json").read_text())["probes"]
    assert probe["explanation"]["seed"] == 1
    assert "#### why" in (out / "report.md").read_text()
    assert (out / "results.json").read_text() == render_json(read_run(out, find)) + "\n"


def test_a_whole_run_is_no_shard(tmp_path: Path) -> None:
    assert refused(whole(tmp_path / "run")) == (
        f"{tmp_path}/run: a whole run, not a shard: there is nothing to merge; `parity report` judges it"
    )


def test_an_interrupted_shard_is_refused(tmp_path: Path) -> None:
    shard = shard_at(tmp_path / "s1", 1)
    (shard / "interrupted").touch()
    assert refused(shard) == f"{shard}: shard 1 of 2 was interrupted; run it again"


@pytest.mark.parametrize("left", [None, "", '{"schema": 3, "probes": [{"na'])
def test_a_folder_without_a_whole_plan_is_refused(tmp_path: Path, left: str | None) -> None:
    shard = shard_at(tmp_path / "s1", 1)
    (shard / "plan.json").unlink() if left is None else (shard / "plan.json").write_text(left)
    assert refused(shard) == f"{shard}: not the folder of a run: it has no readable plan.json"
    assert refused(tmp_path / "nowhere").startswith(f"{tmp_path}/nowhere: not the folder of a run")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    shard = replan(shard_at(tmp_path / "s1", 1), schema=7)
    assert refused(shard) == f"{shard}: a run of schema 7, this parity reads 4: use a newer parity"


@pytest.mark.parametrize(
    "name", ["../../outside", "/etc/passwd", "a/../b", "..", "a//b", "a/./b", "", "a b", "ü/x", "a\n/b"]
)
def test_the_name_of_a_probe_leads_nowhere(tmp_path: Path, name: str) -> None:
    shard = shard_at(tmp_path / "s1", 1)
    probes = json.loads((shard / "plan.json").read_text())["probes"]
    probes[1]["name"] = name
    assert refused(replan(shard, probes=probes)).startswith(f"{shard}: its plan.json names a probe {name!r}; ")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("workload", "seeds"), ["../../outside"]),
        (("workload", "seeds"), "12"),
        (("workload", "seeds"), []),
        (("workload", "steps"), "many"),
        (("candidate", "provider"), 3),
        (("environment",), {"mlx": "../there"}),
    ],
)
def test_a_probe_that_no_file_could_say_is_refused(tmp_path: Path, keys: Sequence[str], value: object) -> None:
    shard = shard_at(tmp_path / "s1", 1)
    probes = json.loads((shard / "plan.json").read_text())["probes"]
    table = probes[0]
    for key in keys[:-1]:
        table = table[key]
    table[keys[-1]] = value
    assert refused(replan(shard, probes=probes)).startswith(
        f"{shard}: its plan.json has an invalid probe current/self ("
    )


def test_a_plan_with_a_cell_twice_or_with_more_shards_than_cells_is_refused(tmp_path: Path) -> None:
    shard = shard_at(tmp_path / "s1", 1)
    probes = json.loads((shard / "plan.json").read_text())["probes"]
    assert refused(replan(shard, shard={"number": 1, "of": 9})).startswith(
        f"{shard}: --shard 1/9: 9 shards for 4 cells"
    )
    assert refused(replan(shard, probes=[*probes, probes[0]])) == f"{shard}: its plan.json has the same cell twice"


@pytest.mark.parametrize("odd", [{"device": None}, {"versions": 3}, {"python": 3.11}, {"device": {"type": "cpu"}}])
def test_a_trace_that_does_not_say_where_it_was_recorded_is_refused(tmp_path: Path, odd: dict[str, Any]) -> None:
    run = new_run(tmp_path / "s1", PROBES, {}, shard=Shard(number=1, of=2))
    left_by_a_cell(run, OTHER, 1)
    cell = left_by_a_cell(run, FIRST, 1, **odd)
    assert refused(run) == f"{cell}/reference.jsonl: its header does not say where it was recorded"


@pytest.mark.parametrize("where", ["plan.json", "traces", "traces/current", "traces/current/self/1", "goldens"])
def test_a_link_in_a_shard_is_refused_wherever_it_leads(tmp_path: Path, where: str) -> None:
    shard = shard_at(tmp_path / "s1", 1)
    keep_goldens(Goldens(decides=False, texts={}, passed_over=("x",)), shard)
    (shard / where).rename(tmp_path / "moved")
    (shard / where).symlink_to(tmp_path / "moved")
    assert refused(shard) == (
        f"{shard / where}: a symbolic link; a shard has only files and folders, and nothing outside of it is read"
    )


@pytest.mark.parametrize("folder", ["canaries", "traces/current/self/1"])
def test_a_link_among_the_files_of_a_shard_is_not_followed(tmp_path: Path, folder: str) -> None:
    shard = shard_at(tmp_path / "s1", 1, of=1)
    (tmp_path / "secret").write_text("a secret")
    (shard / folder).mkdir(exist_ok=True)
    (shard / folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ParityError, match="a symbolic link"):
        merge(tmp_path / "out", shard)
    assert not any("secret" in path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert not (tmp_path / "out" / "plan.json").exists()


def test_a_pipe_among_the_files_of_a_shard_is_not_waited_for(tmp_path: Path) -> None:
    shard = shard_at(tmp_path / "s1", 1, of=1)
    os.mkfifo(shard / "traces" / "current" / "self" / "1" / "pipe")
    assert "neither a file nor a folder" in refused(shard)


def test_an_out_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    stored = [read_stored(shard_at(tmp_path / "s1", 1, of=1))]
    (tmp_path / "file").touch()
    with pytest.raises(ParityError, match="cannot be written"):
        copy_shards(stored, merged(stored), tmp_path / "file" / "out")


def test_the_outcomes_of_a_run_that_lacks_a_shard_wait_for_it(tmp_path: Path) -> None:
    expect = Expectation(verdict=VerdictKind.IDENTICAL, outcomes={"contains": VerdictKind.IDENTICAL})
    asks = replace(FIRST, outcomes=Outcomes(prompt="a", contains="b"), expect=expect)
    result = merge(tmp_path / "out", shard_at(tmp_path / "s1", 1, probes=(asks, OTHER)))
    assert dict(result.postponed) == {"current/self": ("contains",)}
    assert result.status is ExitStatus.UNDECIDED
