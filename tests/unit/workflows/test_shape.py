"""What no schema knows of these workflows and actions: that they fit each other, and what was agreed on."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.unit.workflows.runner import ROOT, files, read, steps

WORKFLOWS = [file for file in files() if "workflows" in file.parts]
MANUALS = sorted(ROOT.glob("docs/*.md"))
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ACTIONS = {
    "./": "action.yml",
    "OWNER/mlx-parity@SHA": "action.yml",
    **{
        f"{prefix}.github/actions/{name}{ref}": f".github/actions/{name}/action.yml"
        for prefix, ref in (("$/", ""), ("OWNER/mlx-parity/", "@SHA"))
        for name in ("merge", "comment")
    },
}


def workflows() -> list[tuple[str, str]]:
    """The workflows of this repository, and those that the manuals show."""
    own = [(str(file), (ROOT / file).read_text()) for file in WORKFLOWS]
    pages = [(page.name, block) for page in MANUALS for block in FENCE.findall(page.read_text()) if "uses:" in block]
    return own + pages


@pytest.mark.parametrize(("where", "text"), workflows(), ids=lambda each: each if "\n" not in each else "")
def test_actions_are_given_inputs_that_they_have_and_asked_for_outputs_that_they_have(where: str, text: str) -> None:
    content = read(text)
    used: dict[str, dict[str, Any]] = {}
    for _, step in steps(content):
        name = step.get("uses", "").strip()
        if name.partition("@")[0].startswith("actions/") or not name:
            continue
        action = read((ROOT / ACTIONS[name]).read_text())
        assert set(step.get("with", {})) <= set(action["inputs"]), f"{where}: {name}"
        needed = {key for key, each in action["inputs"].items() if each.get("required")}
        assert needed <= set(step.get("with", {})), f"{where}: {name}"
        used[step.get("id", "")] = action.get("outputs", {})
    for step_id, output in re.findall(r"steps\.([a-z]+)\.outputs\.([a-z]+)", text):
        assert output in used[step_id], f"{where}: {step_id} has no output {output}"


def test_an_action_has_one_commit_everywhere() -> None:
    pins = defaultdict(set)
    for _, text in workflows():
        for name, pin in re.findall(r"uses: (actions/[a-z-]+)@(.+)", text):
            assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), f"{name}@{pin}"
            pins[name].add(pin)
    assert pins
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


def test_a_pull_request_takes_no_more_macs_than_a_free_plan_runs_at_once() -> None:
    jobs = read((ROOT / ".github" / "workflows" / "gate.yml").read_text())["jobs"]
    parts = jobs["shard"]["strategy"]["matrix"]["include"]
    assert len(parts) <= 5
    images = Counter(part["image"] for part in parts)
    assert set(images) == {"macos-15", "macos-26"} == set(jobs["merge"]["strategy"]["matrix"]["image"])
    for image, count in images.items():
        found = [(part["part"], part["parts"]) for part in parts if part["image"] == image]
        assert found == [(number + 1, count) for number in range(count)]


def test_a_merge_runs_whatever_became_of_the_shards() -> None:
    merge = read((ROOT / ".github" / "workflows" / "gate.yml").read_text())["jobs"]["merge"]
    assert merge["if"] == "${{ always() }}"
    assert merge["needs"] == "shard"


def test_only_the_comment_may_write_and_it_runs_no_code_of_a_pull_request() -> None:
    for file in WORKFLOWS:
        content = read((ROOT / file).read_text())
        assert content["permissions"] == {}
        for job in content["jobs"].values():
            written = {what for what, how in job["permissions"].items() if how == "write"}
            assert written == ({"pull-requests"} if file.name == "comment.yml" else set())
    comment = read((ROOT / ".github" / "workflows" / "comment.yml").read_text())
    assert [step.get("uses") for _, step in steps(comment)] == ["$/.github/actions/comment"]
    assert comment["on"] == {"workflow_run": {"workflows": ["gate"], "types": ["completed"]}}
