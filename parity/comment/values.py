"""What is asked, and what GitHub answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from parity.errors import ExitStatus, ParityError

_MARKER = re.compile(r"<!-- mlx-parity run=([1-9][0-9]{0,18}) -->")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SERVER = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_LARGEST_ID = 10**18


class GitHubError(ParityError):
    """GitHub cannot be reached, or answers something else than was asked."""

    status = ExitStatus.UNDECIDED

    def __init__(self, said: str, code: int = 0) -> None:
        super().__init__(said)
        self.code = code
        """Of HTTP; 0: there was no answer, or one that is no error."""


class NotAllowedError(GitHubError):
    """The token may not do this, or what is asked for is not there."""

    status = ExitStatus.USAGE


class ArtifactError(ParityError):
    """What a run left behind can be no result; the message is in our own words."""

    status = ExitStatus.UNDECIDED


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The run to comment on, as the event that started this says it.

    Raises:
        ParityError: a value that is not of its form, in a line that says which.

    """

    repository: str
    """`owner/name`."""
    run_id: int
    head_sha: str
    """Of the pull request's commit: 40 or 64 hexadecimal digits."""
    conclusion: str
    """How the run ended: `success`, `failure`, or another word of GitHub's."""
    artifact: str
    author: str = "github-actions[bot]"
    """The login under which the token's comments appear."""
    server: str = ""
    """Where people read the repository, as in `https://host`; empty: no link is made."""

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository) or {".", ".."} & {*self.repository.split("/")}:
            raise ParityError(f"GITHUB_REPOSITORY {self.repository!r}: not an owner and a name, as in owner/name")
        if not 0 < self.run_id < _LARGEST_ID:
            raise ParityError(f"--run-id {self.run_id}: not the id of a run, a whole number above 0")
        if not _SHA.fullmatch(self.head_sha):
            raise ParityError(f"--head-sha {self.head_sha!r}: not a commit, 40 hexadecimal digits in lower case")
        if self.server and not _SERVER.fullmatch(self.server):
            raise ParityError(f"GITHUB_SERVER_URL {self.server!r}: not an address, as in https://host")

    @property
    def marker(self) -> str:
        """The first line of the comment."""
        return f"<!-- mlx-parity run={self.run_id} -->"


def marked_run(body: str) -> int | None:
    """The run that a comment is marked with in its first line; None where it is no comment of this tool."""
    found = _MARKER.fullmatch(body.partition("\n")[0].rstrip())
    return int(found[1]) if found else None


@dataclass(frozen=True, kw_only=True)
class Run:
    """A workflow run."""

    head_sha: str
    conclusion: str | None
    """None while it runs (again)."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """What a run has uploaded under a name."""

    id: int
    size: int
    """Bytes of the archive, as GitHub says it."""
    expired: bool


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """One of the repository's."""

    number: int
    head_sha: str


@dataclass(frozen=True, kw_only=True)
class Comment:
    """One of a pull request's."""

    id: int
    author: str
    is_bot: bool
    body: str
