"""`make workflows` passes over what is here and in the manuals, and fails for each thing that it is for."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.workflows.runner import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHA = "0123456789abcdef0123456789abcdef01234567"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--silent", "workflows", f"IN={folder}"], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "action.yml", tmp_path)
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    return tmp_path


def test_what_is_here_passes() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflows_of_the_manuals_pass(copied: Path) -> None:
    shown = [
        block for page in ROOT.glob("docs/*.md") for block in FENCE.findall(page.read_text()) if "\njobs:" in block
    ]
    assert shown
    for number, block in enumerate(shown):
        text = block.replace("@SHA", f"@{SHA}")
        (copied / ".github" / "workflows" / f"shown-{number}.yml").write_text(text)
    done = lint(copied)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "was", "planted", "complaint"),
    [
        ("action.yml", '/gate.py" run', '/gate.py" run ${{ inputs.seeds }}', "template-injection"),
        ("action.yml", "using: composite", "using: composite\n  sudo: true", "Schema validation errors"),
        ("action.yml", "      shell: bash\n", "", "is not valid under any of the given schemas"),
        (".github/actions/merge/action.yml", "required: true", "needed: true", "Additional properties"),
        (".github/workflows/gate.yml", "  pull_request:", "  pull_requests:", "Schema validation errors"),
        (".github/workflows/gate.yml", "    timeout-minutes: 60\n", "", "'timeout-minutes' is a required property"),
        (".github/workflows/gate.yml", "permissions: {}\n", "", "excessive-permissions"),
        (".github/workflows/linux.yml", "persist-credentials: false", "fetch-depth: 1", "artipacked"),
        (".github/workflows/linux.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "unpinned-uses"),
        (".github/workflows/comment.yml", " # zizmor: ignore[dangerous-triggers]", " #", "dangerous-triggers"),
    ],
)
def test_a_planted_defect_is_found(copied: Path, file: str, was: str, planted: str, complaint: str) -> None:
    text = (copied / file).read_text()
    assert was in text
    (copied / file).write_text(text.replace(was, planted, 1))
    done = lint(copied)
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr
