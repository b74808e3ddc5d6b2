"""The step of `action.yml` as it is: this checkout's own setup, one probe of two steps, trained for real."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.integration.running import ROOT, probe_file
from tests.unit.workflows.runner import Ended, Runner, blocks

if TYPE_CHECKING:
    from tests.unit.workflows.runner import Block


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    home: Path = tmp_path_factory.mktemp("action")
    runner = Runner(home=home, action=ROOT, path=os.environ["PATH"])
    (block,) = [each for each in blocks() if str(each.file) == "action.yml"]
    # What is found is not what is declared, so that one training shows both: a failing step, and all that it leaves.
    arms = {
        "candidate": 'provider = "mlx-lm"\nsettings = { clip_grad_norm = 0.001 }',
        "expect": 'verdict = "identical"',
    }
    probe_file(runner.workspace / "my probes" / "clip.toml", **arms)
    return run(runner, block)


def run(runner: Runner, block: Block) -> Ended:
    return runner.run(block, {"probes": "my probes", "canaries": "false", "jobs": "1"})


def test_a_step_fails_as_the_run_does(ended: Ended) -> None:
    assert ended.status == 1, ended.printed
    assert ended.outputs["status"] == "1"
    found = "Not as expected, 1 of 1 probe: my probes/clip diverged, from step 1, stage clip"
    assert ended.outputs["verdict"].startswith(found)


def test_everything_is_rendered_all_the_same(ended: Ended) -> None:
    said = json.loads(Path(ended.outputs["json"]).read_text())
    assert said["summary"] == ended.outputs["verdict"]
    assert ended.summary == Path(ended.outputs["report"]).read_text()
    assert "clip" in ended.summary
    cases = ElementTree.parse(ended.outputs["junit"]).getroot().iter("testcase")
    assert {case.get("classname") for case in cases if case.find("failure") is not None} == {"my probes/clip", "gate"}
    assert "<html" in Path(ended.outputs["html"]).read_text()
    assert Path(ended.outputs["run"]).parent.name == "temp"


def test_the_divergence_is_annotated_and_nothing_else_is_a_command(ended: Ended) -> None:
    errors = [text for name, text in ended.obeyed if name == "error"]
    assert errors
    assert any("clip" in error for error in errors)
    assert {name for name, _ in ended.obeyed} <= {"group", "endgroup", "error", "warning", "notice"}
