"""What a comment is asked for, and what GitHub answers."""

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
    """GitHub cannot be reached, or gives an unexpected answer."""

    status = ExitStatus.UNDECIDED

    def __init__(self, said: str, code: int = 0) -> None:
        super().__init__(said)
        self.code = code
        """The HTTP status; 0 if there was no answer, or if the answer is not an error."""


class NotAllowedError(GitHubError):
    """The token lacks the permission, or there is no such thing."""

    status = ExitStatus.USAGE


class ArtifactError(ParityError):
    """A run's artifact cannot be a result; the message quotes nothing from the artifact."""

    status = ExitStatus.UNDECIDED


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The run to comment on, according to the event that started this.

    Raises:
        ParityError: a value is malformed; the message says which.

    """

    repository: str
    """`owner/name`."""
    run_id: int
    head_sha: str
    """Of the pull request's commit: 40 or 64 hexadecimal digits."""
    conclusion: str
    """How the run ended: `success`, `failure`, or another of GitHub's conclusions."""
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
    """The run that a comment is marked with in its first line; None if it is not a comment of this tool."""
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
    """What a run uploaded under a name."""

    id: int
    size: int
    """Bytes of the archive, according to GitHub."""
    expired: bool


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request of the repository."""

    number: int
    head_sha: str


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A comment on a pull request."""

    id: int
    author: str
    is_bot: bool
    body: str
