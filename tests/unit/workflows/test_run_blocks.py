"""Every `run:` block of every action and workflow, found by looking: run as a runner would, as far as Linux goes.

A block that nobody has said here how to run is a failure of this test.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.unit.workflows.runner import ROOT, Block, Runner, blocks
from tests.unit.workflows.standin import program, put, tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MET = {"summary": "1 probe, as expected: identical.", "expected": True}


def _gate(block: Block, home: Path) -> None:
    """All but what only a Mac has: training is in `tests/integration/test_action.py`, Metal is nowhere here."""
    made = tool(home)
    made.tell(run={"results": MET})
    ended = made.runner().run(block)
    assert ended.status == 0, ended.printed
    assert ended.outputs["verdict"] == "1 probe, as expected: identical."
    (called,) = made.calls(first="run")
    assert called.words[-2:] == ("--", str(made.folder / "probes" / "current"))
    assert {"--jobs=2", "--canaries"} < set(called.words)


def _merge(block: Block, home: Path, how: str = "shards/shard-macos-15-*") -> None:
    """All of it: the shards are folders, and who judges them is a stand-in."""
    made = tool(home)
    made.tell(merge={"results": MET})
    runner = made.runner(".github/actions/merge")
    shards = [runner.workspace / "shards" / f"shard-macos-15-{part}" for part in (1, 2)]
    for folder in (*shards, runner.workspace / "shards" / "shard-macos-26-1"):
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text("{}")
    ended = runner.run(block, {"shards": how})
    assert ended.status == 0, ended.printed
    (called,) = made.calls(first="merge")
    assert called.words[-3:] == ("--", *(str(shard.relative_to(runner.workspace)) for shard in shards))
    assert [call.words[3] for call in made.calls("make")] == ["judge"]


def _judge(block: Block, home: Path) -> None:
    """All but `make judge` itself, which has a network to ask."""
    made = tool(home)
    ended = made.runner(".github/actions/comment").run(block)
    assert ended.status == 0, ended.printed
    (called,) = made.calls("make")
    assert called.words[-1] == "judge"
    assert "GITHUB_TOKEN" not in called.env, "a build has no use for it"
    made.tell(make={"status": 2})
    assert made.runner(".github/actions/comment").run(block).status == 2


def _comment(block: Block, home: Path) -> None:
    """Up to the command; what it says to GitHub is tested with the command."""
    made = tool(home)
    triggered = {"workflow_run": {"id": 17, "head_sha": "0a1b", "conclusion": "failure"}}
    ended = made.runner(".github/actions/comment").run(block, event=triggered)
    assert ended.status == 0, ended.printed
    (called,) = made.calls(first="comment")
    options = ("--run-id", "17", "--head-sha", "0a1b", "--conclusion", "failure", "--artifact", "parity-results")
    assert called.words[1:] == options
    assert called.env["GITHUB_TOKEN"] == "a-token"
    made.tell(comment={"status": 2})
    assert made.runner(".github/actions/comment").run(block, event=triggered).status == 2


def _linux(block: Block, home: Path) -> None:
    """All but what `make` does: a failing linter is the end of it."""
    made = tool(home)
    runner = Runner(home=home, action=ROOT, path=f"{home / 'bin'}:{os.environ['PATH']}")
    shutil.copytree(ROOT / ".ci", runner.workspace / ".ci")
    put(runner.workspace / ".venv" / "bin" / "python", program(home))
    assert runner.run(block).status == 0
    assert [call.words for call in made.calls("make")] == [("setup",), ("lint",), ("test",)]
    made.tell(**{"make lint": {"status": 2}})
    assert runner.run(block).status == 2
    assert [call.words for call in made.calls("make")][3:] == [("setup",), ("lint",)]


RUN_BY: dict[tuple[str, str], Callable[[Block, Path], None]] = {
    ("action.yml", "gate"): _gate,
    (".github/actions/merge/action.yml", "merge"): _merge,
    (".github/actions/comment/action.yml", "judge"): _judge,
    (".github/actions/comment/action.yml", "comment"): _comment,
    (".github/workflows/linux.yml", "lint and test"): _linux,
}


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_the_block_does_what_it_is_for(block: Block, tmp_path: Path) -> None:
    run = RUN_BY.get((str(block.file), block.name))
    assert run is not None, f"{block}: nothing here says how to run it"
    run(block, tmp_path)


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_no_input_is_ever_part_of_a_script(block: Block) -> None:
    assert "${{" not in block.script


@pytest.mark.parametrize("block", [each for each in blocks() if each.shell], ids=str)
def test_the_script_of_an_action_stops_at_its_first_mistake(block: Block) -> None:
    assert block.script.startswith("set -euo pipefail\n")


def test_every_way_to_run_a_block_is_of_one_that_is_there() -> None:
    assert {(str(block.file), block.name) for block in blocks()} == set(RUN_BY)
