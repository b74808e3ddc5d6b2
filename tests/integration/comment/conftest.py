"""`parity comment` as a job runs it, against a GitHub of our own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from parity.cli import main
from tests.integration.comment.fake_github import REPOSITORY, SHA, TOKEN, FakeGitHub, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Job:
    """A job on `workflow_run`; `said` and `erred` are of the last command."""

    github: FakeGitHub
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    said: str = ""
    erred: str = ""

    def comment(self, *options: str, conclusion: str = "success") -> int:
        """The exit status of the command; the token must not have gone astray, whatever happened."""
        self.github.run["conclusion"] = conclusion or None
        status = self.command("--run-id", "123", "--head-sha", SHA, "--conclusion", conclusion, *options)
        assert self.github.leaked == []
        assert TOKEN not in self.said + self.erred
        return status

    def command(self, *options: str) -> int:
        """The same, with these options alone."""
        self.patch.setattr(sys, "argv", ["parity", "comment", *options])
        with pytest.raises(SystemExit) as exited:
            main()
        self.said, self.erred = self.capture.readouterr()
        return int(str(exited.value.code))

    @property
    def bodies(self) -> list[str]:
        """What was posted."""
        return [body for _, _, body in self.github.writes]


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Job]:
    """A job whose GitHub has one open pull request, number 7, and no comment yet."""
    with serving() as github:
        monkeypatch.setenv("GITHUB_API_URL", github.api)
        monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_SERVER_URL", "https://code.example")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield Job(github=github, patch=monkeypatch, capture=capsys)
