"""The table in docs/read-a-verdict.md: what is covered is a known fault, what is not is a blind spot."""

from __future__ import annotations

import re

import pytest

from parity.canaries.catalogue import find
from parity.judge.blind_spots import before, of_probe
from parity.probe.lengths import RowFacts
from tests.integration.running import ROOT
from tests.unit.made import PROBE

SECTION = re.compile(r"## What identical covers\n(.*?)\n## ", re.DOTALL)
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<covered>yes|no) \| (?P<shown>[^|]+) \|$", re.MULTILINE)


def rows() -> list[tuple[str, str, str]]:
    found = SECTION.search((ROOT / "docs" / "read-a-verdict.md").read_text(encoding="utf-8"))
    assert found is not None
    return [(row["what"], row["covered"], row["shown"]) for row in ROW.finditer(found[1])]


def test_there_are_ten_lines() -> None:
    assert len(rows()) == 10
    assert {covered for _, covered, _ in rows()} == {"yes", "no"}


@pytest.mark.parametrize(("what", "covered", "shown"), rows())
def test_a_line_is_shown_by_what_it_names(what: str, covered: str, shown: str) -> None:
    """`parity canaries` and the tests of this folder run these faults, and fail if one is missed."""
    assert what
    if shown.startswith("blind spot: "):
        facts = RowFacts(count=600, distinct=600)
        spots = {spot.what for spot in (*before(PROBE.workload, facts), *of_probe(PROBE, lambda _: facts))}
        assert shown.removeprefix("blind spot: ") in spots
    else:
        canary = find(shown.removeprefix("harmless: ").strip("`"))
        assert canary.harmless is shown.startswith("harmless: ")
        assert canary.harmless is (covered == "no")
