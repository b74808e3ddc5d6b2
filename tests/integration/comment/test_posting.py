"""What nobody thought of, and how long is waited: where the command hands in what it works with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from parity.canaries.catalogue import find
from parity.comment import posting
from parity.comment.github import GitHub
from parity.comment.posting import comment_on
from parity.comment.values import GitHubError
from parity.errors import ExitStatus
from tests.integration.comment.fake_github import REPOSITORY, TOKEN, Failure, FakeGitHub, serving
from tests.unit.comment.made import ASKED, archive, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = "<!-- mlx-parity run=122 -->\n\n✅ **All 2 probes as expected: 2 identical.**\n"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as github:
        github.holds(archive()).comment(OLD)
        yield github


def test_a_fault_of_ours_replaces_the_old_comment_too(fake: FakeGitHub) -> None:
    def faulty(name: str) -> NoReturn:
        raise RuntimeError(f"{name}\n::error::x\n##[error]x\x1b[31m")

    said: list[str] = []
    with GitHub(fake.api, REPOSITORY, TOKEN) as github:
        assert comment_on(ASKED, github, faulty, said.append) is ExitStatus.BUG
    assert [body for _, _, body in fake.writes] == [refusal("this tool failed to read the run's results")]
    assert said[0] == "| Traceback (most recent call last):"
    assert said[-3:] == [
        "| ##\u200b[error]x⟨U+001B⟩[31m",
        "no verdict: this tool failed to read the run's results",
        "pull request 7: comment updated",
    ]
    assert [line for line in said if not line.startswith(("| ", "no verdict: ", "pull request "))] == []


def test_a_result_that_takes_too_long_replaces_the_old_comment_too(
    fake: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(_name: str) -> NoReturn:
        while True:
            pass

    monkeypatch.setattr(posting, "PATIENCE", 0.01)
    with GitHub(fake.api, REPOSITORY, TOKEN) as github:
        assert comment_on(ASKED, github, endless, lambda _: None) is ExitStatus.UNDECIDED
    assert [body for _, _, body in fake.writes] == [refusal("the run's results could not be read within 0.01 seconds")]


@pytest.mark.parametrize(
    ("headers", "waited"), [({}, [0.5, 1.0, 2.0]), ({"Retry-After": "7"}, [7.0, 7.0, 7.0]), ({"Retry-After": "90"}, [])]
)
def test_a_request_is_sent_four_times_at_most(fake: FakeGitHub, headers: dict[str, str], waited: list[float]) -> None:
    pauses: list[float] = []
    fake.failures = [Failure("/runs/123$", 503, times=9, headers=headers)]
    with GitHub(fake.api, REPOSITORY, TOKEN, wait=pauses.append) as github, pytest.raises(GitHubError):
        github.run(123)
    assert pauses == waited
    assert len(fake.requests) == len(waited) + 1


@pytest.mark.parametrize("tree", [{}, {"head_sha": 1}, [], "text"])
def test_an_answer_of_another_form_is_an_error_of_one_line(fake: FakeGitHub, tree: object) -> None:
    fake.run = tree  # type: ignore[assignment]
    with GitHub(fake.api, REPOSITORY, TOKEN) as github, pytest.raises(GitHubError) as refused:
        github.run(123)
    assert str(refused.value).startswith("GitHub's answer about a run has an unexpected form (")


def test_a_storage_of_another_scheme_is_not_followed(fake: FakeGitHub) -> None:
    fake.storage = "file:///etc/passwd?"
    with GitHub(fake.api, REPOSITORY, TOKEN) as github:
        assert comment_on(ASKED, github, find, lambda _: None) is ExitStatus.UNDECIDED
    assert "without the address of the artifact" in fake.writes[0][2]


def test_a_newer_run_is_not_replaced_by_one_without_a_verdict(fake: FakeGitHub) -> None:
    fake.comment(OLD.replace("122", "124"))
    fake.run["conclusion"] = "cancelled"
    with GitHub(fake.api, REPOSITORY, TOKEN) as github:
        asked = replace(ASKED, conclusion="cancelled")
        assert comment_on(asked, github, find, lambda _: None) is ExitStatus.UNDECIDED
    assert fake.writes == []
