from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.bisect.bisection import Bisection, bisect
from parity.errors import ParityError, UnavailableError
from tests.unit.bisect.made import BAD, BROKEN, GOOD, FakeLab, made_tester

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parity.judge.result import CellResult

NAMES = tuple(f"1.{number}" for number in range(8))


def world(first_bad: int, skipped: Mapping[str, CellResult | str] | None = None) -> dict[str, CellResult | str]:
    said: dict[str, CellResult | str] = {
        name: BAD if number >= first_bad else GOOD for number, name in enumerate(NAMES)
    }
    return said | dict(skipped or {})


def search(
    folder: Path, said: Mapping[str, CellResult | str], good: str | None = "1.0", bad: str | None = "1.7"
) -> Bisection:
    return bisect(made_tester(folder, FakeLab(said)), NAMES, good=good, bad=bad, say=lambda _: None)


def test_it_ends_with_two_neighbours(tmp_path: Path) -> None:
    found = search(tmp_path, world(3))
    assert found.last_good is not None
    assert found.first_bad is not None
    assert (found.last_good.release, found.first_bad.release, found.between) == ("1.2", "1.3", ())
    assert found.is_found
    assert found.runs == 5
    assert [each.release for each in found.tried] == ["1.0", "1.2", "1.3", "1.4", "1.7"]


def test_what_was_skipped_between_them_is_named(tmp_path: Path) -> None:
    found = search(tmp_path, world(3, {"1.2": "no numpy fits", "1.3": BROKEN}))
    assert found.between == ("1.2", "1.3")
    assert not found.is_found


def test_the_newest_that_can_be_tested_is_the_bad_end(tmp_path: Path) -> None:
    found = search(tmp_path, world(3, {"1.7": "no numpy fits", "1.6": BROKEN}), bad=None)
    assert found.is_found
    assert found.tried[-1].release == "1.7"


def test_without_a_good_release_one_is_looked_for(tmp_path: Path) -> None:
    assert search(tmp_path, world(5), good=None, bad=None).is_found


def test_where_none_is_good_it_ends_without(tmp_path: Path) -> None:
    found = search(tmp_path, world(0), good=None, bad=None)
    assert (found.last_good, found.is_found) == (None, False)
    assert found.first_bad is not None
    assert found.first_bad.release == "1.0"


@pytest.mark.parametrize(
    ("said", "good", "bad", "complaint"),
    [
        (world(0), "1.0", None,
         "--good 1.0 is bad: with zoo 1.0, current/self is diverged, at step 1 · loss · tokens; name one that is good"),
        (world(8), "1.0", "1.7", "--bad 1.7 is good: with zoo 1.7, current/self is identical; name one that is bad"),
        (world(8), "1.0", None,
         "the newest release is good: with zoo 1.7, current/self is identical; name one that is bad"),
        (world(8), None, None,
         "the newest release is good: with zoo 1.7, current/self is identical; name one that is bad"),
    ],
)  # fmt: skip
def test_an_end_that_is_not_what_was_said_is_one_line(
    tmp_path: Path, said: dict[str, CellResult | str], good: str | None, bad: str | None, complaint: str
) -> None:
    with pytest.raises(ParityError) as raised:
        search(tmp_path, said, good, bad)
    assert (str(raised.value), raised.value.status) == (complaint, 2)


@pytest.mark.parametrize(
    ("skipped", "complaint"),
    [
        ({"1.0": "no numpy fits"},
         "--good 1.0: zoo 1.0 cannot be tested: not installable: no numpy fits; name another release"),
        ({"1.7": BROKEN},
         "--bad 1.7: zoo 1.7 cannot be tested: candidate: no module named [b]zoo[/b]; name another release"),
    ],
)  # fmt: skip
def test_an_end_that_cannot_be_tested_is_exit_3(
    tmp_path: Path, skipped: dict[str, CellResult | str], complaint: str
) -> None:
    with pytest.raises(UnavailableError) as raised:
        search(tmp_path, world(3, skipped))
    assert (str(raised.value), raised.value.status) == (complaint, 3)
