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
    merged = [step["with"]["shards"] for step in jobs["merge"]["steps"] if "merge" in step["uses"]]
    assert merged == [f"shards/shard-{image}-*" for image in images] == [f"shards/shard-macos-{n}-*" for n in (15, 26)]
    for image, count in images.items():
        found = [(part["part"], part["parts"]) for part in parts if part["image"] == image]
        assert found == [(number + 1, count) for number in range(count)]


def test_a_merge_runs_whatever_became_of_the_shards() -> None:
    merge = read((ROOT / ".github" / "workflows" / "gate.yml").read_text())["jobs"]["merge"]
    assert merge["if"] == "${{ always() }}"
    assert merge["needs"] == "shard"
    assert all("always()" in step["if"] for step in merge["steps"][1:])


@pytest.mark.parametrize(
    ("older", "newer", "kept"),
    [
        (("0", "a"), ("0", "b"), ["newer"]),
        (("1", "a"), ("0", "b"), ["older"]),
        (("0", "a"), ("1", "b"), ["newer"]),
        (("2", ""), ("0", "b"), []),
        (("0", "a"), ("2", ""), []),
        (("", ""), ("0", "b"), []),
    ],
)
def test_a_comment_is_never_of_a_pass_beside_a_failure(
    older: tuple[str, str], newer: tuple[str, str], kept: list[str]
) -> None:
    merge = read((ROOT / ".github" / "workflows" / "gate.yml").read_text())["jobs"]["merge"]
    values = {
        f"steps.{step}.outputs.{name}": repr(value)
        for step, outputs in (("older", older), ("newer", newer))
        for name, value in zip(("status", "json"), outputs, strict=True)
    }
    found = []
    for step in merge["steps"]:
        if step.get("with", {}).get("name") == "parity-results":
            condition = step["if"].removeprefix("${{ always() && ").removesuffix(" }}").replace("&&", "and")
            for name, value in values.items():
                condition = condition.replace(name, value)
            found += re.findall(r"steps\.([a-z]+)", step["with"]["path"]) if eval(condition) else []
    assert found == kept


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
