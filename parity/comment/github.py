"""The part of GitHub's API that a comment needs. The token is sent to the API's own host only, and is in no message."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from parity import __version__
from parity.comment.artifact import LARGEST_ARCHIVE, too_large
from parity.comment.values import Artifact, ArtifactError, Comment, GitHubError, NotAllowedError, PullRequest, Run
from parity.errors import ParityError
from parity.report.escape import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Answer = TypeVar("Answer")

_PAUSES = (0.5, 1.0, 2.0)
"""Seconds before a request is sent again, unless GitHub says how long."""
_LONGEST_PAUSE = 60.0
_PAGES = 100
_A_PAGE = 100
_SECONDS = 30.0
_SHOWN = 200
"""Characters of an answer that a message quotes at most."""
_NOT_ALLOWED = {401, 403, 404, 410}
_GONE = {404, 410}
_NO_COMMIT = {404, 422}


class GitHub:
    """One repository, over HTTP.

    Every method raises GitHubError if GitHub cannot be reached after a few attempts, or gives an unexpected answer, and
    NotAllowedError if the token lacks the permission or there is no such thing.
    """

    def __init__(self, api: str, repository: str, token: str, *, wait: Callable[[float], None] = time.sleep) -> None:
        """Connects to nothing yet.

        Args:
            api: the API's address, as `GITHUB_API_URL` has it.
            repository: `owner/name`.
            token: the job's token.
            wait: called with the seconds to wait between attempts.

        Raises:
            ParityError: the address or the token is malformed.

        """
        if not token or not token.isascii() or any(each.isspace() or not each.isprintable() for each in token):
            raise ParityError("GITHUB_TOKEN: empty, or with characters that a token cannot have")
        try:
            address = httpx.URL(api)
        except httpx.InvalidURL:
            address = httpx.URL("")
        if address.scheme not in {"https", "http"} or not address.host or address.userinfo:
            raise ParityError("GITHUB_API_URL: not an HTTP address")
        self._repository = repository
        self._wait = wait
        self._schemes = {"https", address.scheme}
        self._api = httpx.Client(
            base_url=f"{api.rstrip('/')}/repos/{repository}",
            timeout=_SECONDS,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": f"mlx-parity/{__version__}",
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def run(self, run_id: int) -> Run:
        """A workflow run."""
        with _as_asked("a run"):
            tree = self._request("GET", f"/actions/runs/{run_id}").json()
            conclusion = tree["conclusion"] if tree["status"] == "completed" else None
            return Run(head_sha=str(tree["head_sha"]), conclusion=conclusion)

    def artifact(self, run_id: int, name: str) -> Artifact:
        """The newest artifact of this name.

        Raises:
            ArtifactError: the run has none.

        """
        with _as_asked("artifacts"):
            pages = self._pages(f"/actions/runs/{run_id}/artifacts", "artifacts", name=name)
            named = [each for each in pages if each["name"] == name]
            if not named:
                raise ArtifactError(f"the run has no artifact called {name}")
            newest = max(named, key=lambda each: int(each["id"]))
            return Artifact(id=int(newest["id"]), size=int(newest["size_in_bytes"]), expired=bool(newest["expired"]))

    def download(self, artifact: Artifact) -> bytes:
        """The archive of an artifact.

        Raises:
            ArtifactError: it has expired, or its declared or real size is too large.

        """
        if artifact.expired:
            raise ArtifactError("the artifact has expired")
        if artifact.size > LARGEST_ARCHIVE:
            raise ArtifactError(too_large(artifact.size))
        return self._repeated(lambda: self._stored(artifact))

    def open_pulls(self, head_sha: str) -> tuple[PullRequest, ...]:
        """The open pull requests of this repository whose newest commit is this one.

        Looks at the commit's pull requests, which GitHub does not list for many forks, and at all open ones.
        """
        with _as_asked("pull requests"):
            try:
                listed = list(self._pages(f"/commits/{head_sha}/pulls"))
            except GitHubError as error:
                if error.code not in _NO_COMMIT:
                    raise
                listed = []  # the commit is in no branch of this repository
            listed += self._pages("/pulls", state="open")
            pulls = {
                int(each["number"]): PullRequest(number=int(each["number"]), head_sha=str(each["head"]["sha"]))
                for each in listed
                if each["state"] == "open" and self._is_here(each["base"]["repo"])
            }
        return tuple(pull for _, pull in sorted(pulls.items()) if pull.head_sha == head_sha)

    def comments(self, number: int) -> tuple[Comment, ...]:
        """All comments of a pull request."""
        with _as_asked("comments"):
            return tuple(
                Comment(
                    id=int(each["id"]),
                    author=str((each["user"] or {}).get("login", "")),
                    is_bot=(each["user"] or {}).get("type") == "Bot",
                    body=each["body"] or "",
                )
                for each in self._pages(f"/issues/{number}/comments")
            )

    def create(self, number: int, body: str) -> None:
        """Posts a comment, without a second attempt: if the answer was lost, the comment may have been posted."""
        self._request("POST", f"/issues/{number}/comments", json={"body": body}, again=False)

    def update(self, comment: int, body: str) -> None:
        """Replaces the text of a comment."""
        self._request("PATCH", f"/issues/comments/{comment}", json={"body": body})

    def _is_here(self, repository: Mapping[str, Any]) -> bool:
        return str(repository["full_name"]).casefold() == self._repository.casefold()

    def _pages(self, path: str, key: str = "", **asked: str) -> Iterator[dict[str, Any]]:
        """The entries of all pages. Even a page that is not full may have a next one: only its links say so."""
        for page in range(1, _PAGES + 1):
            answer = self._request("GET", path, params={**asked, "per_page": _A_PAGE, "page": page})
            yield from answer.json()[key] if key else answer.json()
            if "next" not in answer.links:
                return
        raise GitHubError(f"GET {path}: more than {_PAGES} pages; nothing is posted from a part of them")

    def _request(
        self, method: str, path: str, *, again: bool = True, redirects: bool = False, **what: Any
    ) -> httpx.Response:
        """The answer to a request, which is not an error.

        Args:
            method: the HTTP method.
            path: below the repository's.
            again: whether the request may be sent twice.
            redirects: whether the answer may be a redirect.
            what: passed on to httpx.

        """
        asked = f"{method} {path}"

        def once() -> httpx.Response:
            try:
                answer = self._api.request(method, path, **what)
            except httpx.TransportError as error:
                said = f"{asked}: GitHub cannot be reached ({_short(str(error) or type(error).__name__)})"
                raise _PassingError(said, again=again) from None
            if not (answer.is_success or (redirects and answer.is_redirect)):
                raise _failed(asked, answer, again=again)
            return answer

        return self._repeated(once)

    def _stored(self, artifact: Artifact) -> bytes:
        path = f"/actions/artifacts/{artifact.id}/zip"
        try:
            answer = self._request("GET", path, redirects=True)
        except GitHubError as error:
            if error.code in _GONE:
                raise ArtifactError("the artifact has expired") from None
            raise
        place = answer.headers.get("location", "")
        if place.partition("://")[0] not in self._schemes:
            raise GitHubError(f"GET {path}: status {answer.status_code} without the address of the artifact")
        # Not with the API's client: it sends the token with every request, and the token is for the API only.
        try:
            with httpx.stream("GET", place, timeout=_SECONDS, headers={"Accept-Encoding": "identity"}) as stored:
                if stored.status_code in _GONE:
                    raise ArtifactError("the artifact has expired")
                if stored.status_code != httpx.codes.OK:
                    raise _PassingError(f"the artifact cannot be downloaded (status {stored.status_code})")
                return _limited(stored)
        except httpx.TransportError as error:
            raise _PassingError(f"the artifact cannot be downloaded ({type(error).__name__})") from None

    def _repeated(self, once: Callable[[], Answer]) -> Answer:
        for pause in _PAUSES:
            try:
                return once()
            except _PassingError as error:
                asked = pause if error.pause is None else error.pause
                if not error.again or asked > _LONGEST_PAUSE:
                    raise GitHubError(str(error), error.code) from None
                self._wait(asked)
        try:
            return once()
        except _PassingError as error:
            raise GitHubError(f"{error}, {len(_PAUSES) + 1} times", error.code) from None


class _PassingError(Exception):
    """An error that may pass."""

    def __init__(self, said: str, *, again: bool = True, pause: float | None = None, code: int = 0) -> None:
        super().__init__(said)
        self.again = again
        self.pause = pause
        """Seconds to wait, if the answer says so."""
        self.code = code


def _failed(asked: str, answer: httpx.Response, *, again: bool) -> Exception:
    """The error of an answer; a request that was refused because of a rate limit can always be sent again."""
    code = answer.status_code
    said = f"{asked}: status {code}{_message(answer)}"
    after = answer.headers.get("retry-after", "")
    pause = float(after) if after.isdecimal() else None
    limited = code == httpx.codes.TOO_MANY_REQUESTS or (
        code == httpx.codes.FORBIDDEN and (pause is not None or answer.headers.get("x-ratelimit-remaining") == "0")
    )
    if limited or answer.is_server_error:
        return _PassingError(said, again=again or limited, pause=pause, code=code)
    return (NotAllowedError if code in _NOT_ALLOWED else GitHubError)(said, code)


def _message(answer: httpx.Response) -> str:
    try:
        return f" ({_short(answer.json()['message'])})"
    except (ValueError, KeyError, TypeError):
        return ""


def _limited(stored: httpx.Response) -> bytes:
    declared = stored.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST_ARCHIVE:
        raise ArtifactError(too_large(int(declared)))
    data = bytearray()
    for chunk in stored.iter_raw():
        data += chunk
        if len(data) > LARGEST_ARCHIVE:
            raise ArtifactError(f"the artifact has more than the {LARGEST_ARCHIVE:,} bytes that are allowed")
    return bytes(data)


@contextmanager
def _as_asked(what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GitHubError(f"GitHub's answer about {what} has an unexpected form ({type(error).__name__})") from None


def _short(text: object) -> str:
    return plain(text)[:_SHOWN]
