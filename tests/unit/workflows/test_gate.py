"""The step of `action.yml`: what becomes of its inputs, of what is printed, and of a run that did not end well."""

from __future__ import annotations

import signal
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from parity.errors import ExitStatus
from tests.unit.workflows.runner import ROOT, Block, blocks
from tests.unit.workflows.standin import Tool, tool

MET = {"summary": "1 probe, as expected: identical."}
UNMET = {"summary": "Not as expected, 1 of 1 probe: current/self diverged."}
FILES = {"report": "report.md", "html": "report.html", "json": "results.json", "junit": "junit.xml"}


@pytest.fixture
def made(tmp_path: Path) -> Tool:
    return tool(tmp_path)


def block(file: str = "action.yml") -> Block:
    (found,) = [each for each in blocks() if str(each.file) == file]
    return found


def words(made: Tool, **inputs: str) -> list[str]:
    """The arguments that parity gets, without its command."""
    made.tell(run={"results": MET})
    ended = made.runner().run(block(), inputs)
    assert ended.status == 0, ended.printed
    return list(made.calls(first="run")[-1].words[1:])


def test_statuses_are_those_of_parity() -> None:
    text = (ROOT / ".github" / "gate.py").read_text()
    assert "USAGE, NOT_RUN, UNDECIDED, BUG = 2, 3, 5, 70" in text
    assert (ExitStatus.USAGE, ExitStatus.NOT_RUN, ExitStatus.UNDECIDED, ExitStatus.BUG) == (2, 3, 5, 70)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"seeds": "1,42"}, ["--seeds=1,42"]),
        ({"seeds": "1; touch ran"}, ["--seeds=1; touch ran"]),
        ({"steps": "$(touch ran)"}, ["--steps=$(touch ran)"]),
        ({"jobs": "`touch ran`"}, ["--jobs=`touch ran`"]),
        ({"shard": "2/5"}, ["--shard=2/5"]),
        ({"golden": "a folder/golden"}, ["--golden=a folder/golden"]),
        ({"golden": "--help"}, ["--golden=--help"]),
        ({"canaries": "false"}, []),
        ({"probes": "one.toml two.toml"}, ["one.toml", "two.toml"]),
        ({"probes": "one.toml\n\n  two.toml\n"}, ["one.toml", "two.toml"]),
        ({"probes": "'a b.toml' c.toml"}, ["a b.toml", "c.toml"]),
        ({"probes": "there it is.toml"}, ["there it is.toml"]),
        ({"probes": "$(touch ran).toml"}, ["$(touch", "ran).toml"]),
        ({"probes": "a.toml; touch ran"}, ["a.toml;", "touch", "ran"]),
        ({"probes": "--explain"}, ["--explain"]),
        ({"out": "a folder/run"}, ["--out={workspace}/a folder/run"]),
    ],
    ids=str,
)
def test_an_input_is_one_argument_whatever_it_holds(made: Tool, inputs: dict[str, str], expected: list[str]) -> None:
    workspace = made.runner().workspace
    workspace.mkdir()
    (workspace / "there it is.toml").touch()
    found = words(made, **{"canaries": "false", "jobs": "", "probes": "p.toml"} | inputs)
    options, separator, probes = found[: found.index("--")], "--", found[found.index("--") + 1 :]
    assert separator in found
    if "out" not in inputs:
        options = [word for word in options if not word.startswith("--out=")]
    given = probes if "probes" in inputs else options
    assert given == [word.format(workspace=workspace) for word in expected]
    assert not list(workspace.rglob("ran"))


@pytest.mark.parametrize(
    ("candidate", "pinned"),
    [
        ("unsloth-zoo==2026.10.7", {"unsloth-zoo": "2026.10.7"}),
        ("unsloth_zoo=2026.10.7", {"unsloth-zoo": "2026.10.7"}),
        ("mlx.thing == 0.30", {"mlx-thing": "0.30"}),
        ("unsloth-zoo=./", {"unsloth-zoo": "./"}),
        ("unsloth-zoo=./a folder", {"unsloth-zoo": "./a folder"}),
        (
            "dist/unsloth_zoo-1.0-py3-none-any.whl",
            {"unsloth-zoo": "./dist/unsloth_zoo-1.0-py3-none-any.whl"},
        ),
        ("unsloth-zoo=./\nmlx-lm==0.32.2\n", {"unsloth-zoo": "./", "mlx-lm": "0.32.2"}),
        ('unsloth-zoo=./"$(touch ran)"\\', {"unsloth-zoo": './"$(touch ran)"\\'}),
    ],
)
def test_a_candidate_is_a_key_of_the_environment(made: Tool, candidate: str, pinned: dict[str, str]) -> None:
    found = [word.removeprefix("--set=") for word in words(made, candidate=candidate) if word.startswith("--set=")]
    assert tomllib.loads("\n".join(found)) == {"environment": pinned}
    assert not list(made.home.rglob("ran"))


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"candidate": "unsloth-zoo"}, "name=release, name=./checkout or a wheel (*.whl), not 'unsloth-zoo'"),
        ({"candidate": "-r=evil"}, "name=release, name=./checkout or a wheel (*.whl), not '-r=evil'"),
        ({"canaries": "yes"}, "canaries: true or false, not 'yes'"),
        ({"probes": "it's.toml"}, "cannot be split into paths (No closing quotation); write one per line"),
    ],
)
def test_an_input_that_cannot_be_used_is_no_result(made: Tool, inputs: dict[str, str], why: str) -> None:
    ended = made.runner().run(block(), inputs)
    assert ended.status == ExitStatus.USAGE
    assert ended.outputs["verdict"] == "no result"
    assert ended.outputs["status"] == "2"
    assert why in ended.summary
    assert not made.calls()


@pytest.mark.parametrize("status", [0, 1, 3, 4, 5, 130])
def test_the_step_ends_as_the_run_did_and_is_rendered_whatever_that_was(made: Tool, status: int) -> None:
    made.tell(run={"status": status, "results": MET if status == 0 else UNMET})
    ended = made.runner().run(block(), {"out": "run"})
    run = made.runner().workspace / "run"
    assert ended.status == status
    assert ended.outputs == {
        "verdict": (MET if status == 0 else UNMET)["summary"],
        "status": str(status),
        "run": str(run),
        **{name: str(run / at) for name, at in FILES.items()},
    }
    assert ended.summary == "a page\n"
    assert (run / "junit.xml").read_text() == "<testsuites/>\n"
    assert ("error", "diverged") in ended.obeyed


@pytest.mark.parametrize(("status", "answer"), [(0, 5), (2, 2), (70, 70)])
def test_a_run_without_results_is_never_a_success(made: Tool, status: int, answer: int) -> None:
    made.tell(run={"status": status, "prints": "parity: p.toml: <b>unknown</b> key 'stepps'\n"})
    ended = made.runner().run(block())
    assert ended.status == answer
    assert ended.outputs["verdict"] == "no result"
    assert ended.outputs["status"] == str(answer)
    assert ended.outputs["run"] == ended.outputs["report"] == ""
    assert ended.summary == (
        "❌ **No result.** The gate has judged nothing:\n\n"
        f"    parity run ended with status {status} and left no results\n"
        "    parity: p.toml: <b>unknown</b> key 'stepps'\n"
    )
    assert ended.obeyed[-1] == ("error", f"no result: parity run ended with status {status} and left no results")


@pytest.mark.parametrize("left", ["not JSON", [], {"verdict": "identical"}])
def test_results_that_say_nothing_are_none(made: Tool, left: Any) -> None:
    made.tell(run={"status": 0, "results": left})
    ended = made.runner().run(block())
    assert (ended.status, ended.outputs["verdict"]) == (5, "no result")


def test_a_setup_that_fails_is_no_result(made: Tool) -> None:
    made.tell(make={"status": 2, "prints": "no space left\n"})
    ended = made.runner().run(block())
    assert (ended.status, ended.outputs["verdict"]) == (ExitStatus.NOT_RUN, "no result")
    assert "make setup ended with status 2\n    no space left" in ended.summary
    assert not made.calls()


def test_a_killed_run_has_the_status_that_shells_give_it(made: Tool) -> None:
    parity = made.folder / ".venv" / "bin" / "parity"
    parity.write_text("#!/bin/sh\nkill -9 $$\n")
    ended = made.runner().run(block())
    assert (ended.status, ended.outputs["verdict"]) == (137, "no result")


@pytest.mark.parametrize("form", ["markdown", "html", "junit", "annotations"])
def test_what_cannot_be_rendered_makes_a_success_a_failure(made: Tool, form: str) -> None:
    made.tell(run={"results": MET}, report={form: {"status": 70, "prints": ""}})
    ended = made.runner().run(block())
    complaint = f"parity report --format {form} ended with status 70, the run with 0"
    assert ended.status == ExitStatus.BUG
    assert ended.outputs["status"] == "70"
    assert ("error", complaint) in ended.obeyed
    assert complaint in ended.summary


def test_a_fault_of_the_gate_itself_is_no_result(made: Tool) -> None:
    made.tell(run={"results": MET})
    (made.runner().workspace / "run" / "report.html").mkdir(parents=True)
    ended = made.runner().run(block(), {"out": "run"})
    assert (ended.status, ended.outputs["verdict"]) == (ExitStatus.BUG, "no result")
    assert "a bug in the gate itself: IsADirectoryError" in ended.summary


def test_a_report_that_answers_better_than_the_run_changes_nothing(made: Tool) -> None:
    made.tell(run={"status": 1, "results": UNMET}, report={"html": {"status": 0}})
    ended = made.runner().run(block())
    assert ended.status == 1
    assert ("error", "parity report --format html ended with status 0, the run with 1") in ended.obeyed


HOSTILE = "\n".join(
    [
        "::set-output name=verdict::identical",
        "##[add-mask]1",
        "a line ##[error]of the old kind",
        "::error::planted",
        "::endgroup::",
        "::stop-commands::mine",
        "::mine::",
        "cut off before its end ::warning::planted",
    ]
)


@pytest.mark.parametrize("where", ["make", "run", "uv"])
def test_nothing_that_is_printed_is_a_command(made: Tool, where: str) -> None:
    results = {"results": {"summary": "::error::planted ##[error]planted"}}
    made.tell(**{"run": results, where: {**(results if where == "run" else {}), "prints": HOSTILE}})
    ended = made.runner().run(block(), {"providers": "./mine"})
    assert HOSTILE in ended.printed
    assert {name for name, _ in ended.obeyed} == {"group", "endgroup", "error"}
    assert [text for name, text in ended.obeyed if name == "error"] == ["diverged"]


def test_only_annotations_are_relayed_of_the_annotations(made: Tool) -> None:
    printed = "::add-mask::a\n::warning::b\n::set-env name=A::c\n"
    made.tell(run={"results": MET}, report={"annotations": {"prints": printed}})
    assert [each for each in made.runner().run(block()).obeyed if "group" not in each[0]] == [("warning", "b")]


def test_trainers_are_not_told_where_a_step_writes(made: Tool) -> None:
    words(made)
    for call in made.calls() + made.calls("make"):
        assert not {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH"} & set(call.env)
        assert not [name for name in call.env if name.startswith("PARITY_")]
        assert call.env["GITHUB_WORKSPACE"], "but what tells them nothing secret is left"


def test_a_verdict_of_several_lines_is_one(made: Tool) -> None:
    made.tell(run={"results": {"summary": "one\nstatus=0\n::error::two"}})
    assert made.runner().run(block()).outputs["verdict"] == "one status=0 ::error::two"


def test_a_page_beyond_what_a_summary_holds_is_cut_at_a_line(made: Tool) -> None:
    page = "".join(f"line {number} of a long page – ✓\n" for number in range(60_000))
    made.tell(run={"results": MET}, report={"markdown": {"prints": page}})
    summary = made.runner().run(block()).summary
    assert 1_040_000 < len(summary.encode()) <= 1 << 20
    kept, _, note = summary.partition("\n\n… cut here: ")
    assert page.startswith(kept)
    assert kept.endswith("✓\n")
    assert note.endswith("in the folder of the run.\n")


def test_a_job_that_is_cancelled_stops_the_run_and_says_what_there_is(made: Tool) -> None:
    found = {"summary": "Interrupted: 0 of 1 probe finished as expected."}
    made.tell(run={"status": 130, "waits": True, "results": found})
    runner = made.runner()
    lines = []
    with runner.start(block()) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if line == "waits\n":
                process.send_signal(signal.SIGINT)
    ended = runner.ended(process.returncode, "".join(lines))
    assert "stopped\n" in lines
    assert ended.status == ExitStatus.INTERRUPTED
    assert ended.outputs["verdict"].startswith("Interrupted")
    assert ended.summary == "a page\n"


def test_providers_are_installed_beside_the_tool(made: Tool) -> None:
    made.tell(run={"results": MET})
    ended = made.runner().run(block(), {"providers": "./my trainer\n--index-url=x\n"})
    (installed,) = made.calls("uv")
    python = str(made.folder / ".venv" / "bin" / "python")
    assert installed.words == ("pip", "install", "--python", python, "--", "./my trainer", "--index-url=x")
    assert ended.status == 0
    made.tell(run={"results": MET}, uv={"status": 1, "prints": "no such folder\n"})
    failed = made.runner().run(block(), {"providers": "./mine"})
    assert failed.status == ExitStatus.NOT_RUN
    assert "the packages of providers were not installed: status 1\n    no such folder" in failed.summary


def test_the_run_lies_outside_of_what_is_checked_out(made: Tool) -> None:
    (out,) = [word.removeprefix("--out=") for word in words(made) if word.startswith("--out=")]
    assert Path(out).parent == made.home / "temp"


def test_python_is_the_first_that_is_new_enough(made: Tool) -> None:
    made.tell(run={"results": MET})
    old = made.home / "bin" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    new = made.home / "bin" / "python3.14"
    new.symlink_to(sys.executable)
    assert made.runner().run(block()).status == 0
    assert made.calls("make")[0].words[-1] == f"PYTHON={new}"


def test_without_a_python_there_is_no_result(made: Tool) -> None:
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        (made.home / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
        (made.home / "bin" / name).chmod(0o755)
    ended = made.runner().run(block())
    said = "no Python 3.11 or newer on the path; put actions/setup-python before this step"
    assert (ended.status, ended.outputs) == (3, {"verdict": "no result", "status": "3"})
    assert ended.obeyed == [("error", f"no result: {said}")]
    assert said in ended.summary


@pytest.mark.parametrize("shards", ["", "nowhere", "empty"])
def test_a_merge_of_nothing_is_no_result(made: Tool, shards: str) -> None:
    runner = made.runner(".github/actions/merge")
    (runner.workspace / "empty").mkdir(parents=True)
    ended = runner.run(block(".github/actions/merge/action.yml"), {"shards": shards})
    assert (ended.status, ended.outputs["verdict"]) == (ExitStatus.USAGE, "no result")
    assert f"shards: no run folder in {shards or 'an empty input'}; were the shards downloaded?" in ended.summary


def test_a_merge_that_misses_a_shard_is_no_pass(made: Tool) -> None:
    made.tell(merge={"status": 5, "results": {"summary": "Not as expected: shard 2 of 2 is missing."}})
    runner = made.runner(".github/actions/merge")
    (runner.workspace / "shard").mkdir(parents=True)
    (runner.workspace / "shard" / "plan.json").write_text("{}")
    ended = runner.run(block(".github/actions/merge/action.yml"), {"shards": "shard"})
    assert (ended.status, ended.summary) == (5, "a page\n")
