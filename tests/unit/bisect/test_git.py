from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from parity.bisect.git import for_git, is_bisected
from parity.cli.bisect import checkout_of
from parity.errors import ExitStatus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("status", "answered", "for_a_git_bisect"),
    [
        (ExitStatus.EXPECTED, True, 0),
        (ExitStatus.UNEXPECTED, True, 1),
        (ExitStatus.NOT_RUN, True, 125),
        (ExitStatus.NOT_RUN, False, 131),
        (ExitStatus.USAGE, False, 130),
        (ExitStatus.INTERRUPTED, False, 130),
        (ExitStatus.BUG, False, 198),
    ],
)
def test_git_blames_no_commit_for_what_is_not_about_it(
    status: ExitStatus, answered: bool, for_a_git_bisect: int
) -> None:
    assert for_git(status, answered=answered) == for_a_git_bisect


def test_a_bisect_is_noticed_while_it_is_going_on(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=somebody", "-c", "user.email=s@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    assert not is_bisected(tmp_path)
    git("init")
    git("commit", "--allow-empty", "-m", "one")
    git("commit", "--allow-empty", "-m", "two")
    (tmp_path / "below").mkdir()
    assert not is_bisected(tmp_path)
    git("bisect", "start", "HEAD", "HEAD~1")
    assert is_bisected(tmp_path)
    assert is_bisected(tmp_path / "below")
    git("bisect", "reset")
    assert not is_bisected(tmp_path)
    assert not is_bisected(tmp_path / "none")


@pytest.mark.parametrize(
    ("line", "checkout"),
    [
        (["bisect", "p.toml", "--path", ".", "--no-such-option"], "."),
        (["bisect", "--path=../zoo", "p.toml"], "../zoo"),
        (["bisect", "p.toml", "--good", "1.0"], None),
        (["diff", "--path", "."], None),
        ([], None),
    ],
)
def test_the_checkout_is_known_even_where_the_line_is_refused(line: list[str], checkout: str | None) -> None:
    found = checkout_of(line)
    assert (None if found is None else str(found)) == checkout
