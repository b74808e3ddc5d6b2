from __future__ import annotations

import pytest

from parity.bisect.releases import in_range, is_pre, parsed
from parity.errors import ParityError

RELEASES = ["2026.5.3", "2026.5.4", "2026.9.9", "2026.9.10", "2026.10.1"]


def test_releases_are_ordered_as_versions_and_not_as_text() -> None:
    said = '{"name": "unsloth_zoo", "versions": ["2026.10.1", "2026.9.10", "2026.9.9"], "latest": "2026.10.1"}\n'
    assert parsed(said) == ["2026.9.9", "2026.9.10", "2026.10.1"]


def test_a_range_has_both_its_ends() -> None:
    assert in_range("zoo", RELEASES, "2026.5.4", "2026.9.10") == ("2026.5.4", "2026.9.9", "2026.9.10")
    assert in_range("zoo", RELEASES, None, None) == tuple(RELEASES)
    assert in_range("zoo", RELEASES, "2026.09.10", None) == ("2026.9.10", "2026.10.1")


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("2026.5.5", None, "--good 2026.5.5: zoo has no such release; the nearest is 2026.5.4"),
        (None, "latest", "--bad latest: zoo has no such release; the nearest is 2026.10.1"),
        ("2026.9.9", "2026.5.4",
         "--good 2026.9.9 is newer than --bad 2026.5.4; the search goes from good to bad"),
        ("2026.9.9", "2026.9.9",
         "--good 2026.9.9 and --bad 2026.9.9 are the same release of zoo; there is nothing to search"),
        ("2026.10.1", None, "--good 2026.10.1 is the newest release of zoo; there is nothing to search"),
        (None, "2026.5.3", "--bad 2026.5.3 is the oldest release of zoo; there is nothing to search"),
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_is_one_line(good: str | None, bad: str | None, complaint: str) -> None:
    with pytest.raises(ParityError) as raised:
        in_range("zoo", RELEASES, good, bad)
    assert str(raised.value) == complaint


def test_a_pre_release_is_known_by_its_name() -> None:
    assert [is_pre(each) for each in ("1.0rc1", "1.0.dev3", "1.0.post1", "1.0", "what", None)] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
