"""The plan in docs/design.md is the house as it stands, and its words are the only ones."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RETIRED = {
    "swallow": r"\bswallow",
    "handful": r"\bhandful",
    "errand": r"\berrand",
    "sweep": r"\bsweep|\bparity[./]sweep\b",
    "lacking, awaited": r"\blacking\b|\bawait(s|ed)\b",
    "two clocks": r"\btwo clocks\b|\bclocks?\.py\b",
    "only effective": r"\bonly effective\b",
    "cannot_show": r"\bcannot_show\b",
    "modules": r"\b(rundir|tracefile|resultfile|shardfolder|lineage|inquiry|(controlled|restored|lent)\.py)\b",
    "flat modules": r"\bparity[./](assess|blind|capture|cell|diff|live|measure|plan|reported|tap|verdict)\b",
}
"""What the glossary has retired, by the word. Old keys of results are named in the changelog alone."""
_TOLD = ("CHANGELOG.md", "tests/unit/test_house.py")


def tracked(*patterns: str) -> list[str]:
    found = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return found.stdout.split()


def drawn() -> Counter[str]:
    """The modules that the plan names, by their path."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    tree = text.partition("```\nparity/\n")[2].partition("```")[0]
    found: Counter[str] = Counter()
    folders: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        if folder := re.match(r"\s*(\w+)/(\s|$)", line):
            folders = [*folders[:depth], folder[1]]
        elif modules := re.match(r"\s*((?:\w+\.py(?:\s+|$))+)", line):
            found.update("/".join(["parity", *folders[:depth], name]) for name in modules[1].split())
    return found


def test_every_module_is_drawn_once_and_nothing_else_is() -> None:
    modules = {name for name in tracked("parity/*.py") if not name.endswith("__init__.py")}
    assert drawn() == Counter(modules)


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_word_is_nowhere(word: str) -> None:
    pattern = re.compile(RETIRED[word], re.IGNORECASE)
    hits = []
    for name in tracked("*.py", "*.md", "*.toml", "*.jinja", "*.yml", "*.js", "Makefile", ".ci/run"):
        if name not in _TOLD and not name.startswith("reports/examples/"):
            text = (ROOT / name).read_text(encoding="utf-8")
            hits += [f"{name}: {found[0]}" for found in pattern.finditer(text)]
    assert hits == []
