"""GitHub's API as far as a comment needs it, on this machine: pages, redirects to a storage of its own, failures.

It keeps every request that would change something. The storage is another host: it must never see the token.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "t0ken-of-the-job"
REPOSITORY = "owner/trainer"
SHA = "a" * 40


@dataclass
class Failure:
    """Answers that come before the right one."""

    path: str
    """A pattern that is searched for in method and path."""
    status: int
    times: int = 1
    headers: dict[str, str] = field(default_factory=lambda: {"Retry-After": "0"})


@dataclass
class FakeGitHub:
    """A repository with one run and one pull request; tests change what they are about."""

    api: str = ""
    storage: str = ""
    run: dict[str, Any] = field(
        default_factory=lambda: {"head_sha": SHA, "status": "completed", "conclusion": "success"}
    )
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    archive: bytes = b""
    announced: int | None = None
    """What the storage says it will send; None: as many bytes as it does."""
    poured: int = 0
    """Bytes of zeros that the storage sends in place of the archive, without saying how many."""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    of_commit: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    a_page: int = 100
    failures: list[Failure] = field(default_factory=list)
    storage_statuses: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, and the text of the comment."""
    leaked: list[str] = field(default_factory=list)
    """Requests to the storage that came with an authorization."""

    def holds(self, archive: bytes, **changed: Any) -> FakeGitHub:
        """The run has left this archive."""
        self.archive = archive
        known = {"id": 11, "name": "parity-results", "size_in_bytes": len(archive), "expired": False}
        self.artifacts.append(known | changed)
        return self

    def comment(self, body: str, number: int = 7, login: str = "github-actions[bot]", kind: str = "Bot") -> int:
        """Somebody has commented; its id."""
        given = 100 + sum(map(len, self.comments.values()))
        user = {"login": login, "type": kind}
        self.comments.setdefault(number, []).append({"id": given, "user": user, "body": body})
        return given

    def answer(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        """Status, headers and a tree."""
        asked = urlsplit(target)
        path = asked.path.removeprefix(f"/repos/{REPOSITORY}")
        for failure in self.failures:
            if failure.times and re.search(failure.path, f"{method} {path}"):
                failure.times -= 1
                return failure.status, failure.headers, {"message": f"made to fail with {failure.status}"}
        if method in {"POST", "PATCH"}:
            return self._write(method, path, body["body"])
        if found := re.fullmatch(r"/issues/(\d+)/comments", path):
            return self._page(asked.query, self.comments.get(int(found[1]), []))
        if path == "/pulls":
            state = parse_qs(asked.query).get("state", ["open"])[0]
            return self._page(asked.query, [each for each in self.pulls if each["state"] == state])
        if path == f"/commits/{SHA}/pulls":
            return self._page(asked.query, self.of_commit)
        if path == "/actions/runs/123":
            return 200, {}, self.run
        if path == "/actions/runs/123/artifacts":
            name = parse_qs(asked.query).get("name", [""])[0]
            status, headers, named = self._page(asked.query, [each for each in self.artifacts if each["name"] == name])
            return status, headers, {"total_count": len(named), "artifacts": named}
        if re.fullmatch(r"/actions/artifacts/\d+/zip", path):
            return 302, {"Location": f"{self.storage}/signed{path}"}, None
        return 404, {}, {"message": "Not Found"}

    def _page(self, query: str, every: list[dict[str, Any]]) -> tuple[int, dict[str, str], Any]:
        asked = parse_qs(query)
        size, page = min(int(asked["per_page"][0]), self.a_page), int(asked["page"][0])
        more = len(every) > size * page
        link = {"Link": f'<{self.api}/somewhere?page={page + 1}>; rel="next"'} if more else {}
        return 200, link, every[size * (page - 1) : size * page]

    def _write(self, method: str, path: str, body: str) -> tuple[int, dict[str, str], Any]:
        self.writes.append((method, path, body))
        if method == "POST" and (found := re.fullmatch(r"/issues/(\d+)/comments", path)):
            return 201, {}, {"id": self.comment(body, int(found[1]))}
        for each in (each for every in self.comments.values() for each in every):
            if path == f"/issues/comments/{each['id']}":
                each["body"] = body
                return 200, {}, {"id": each["id"]}
        return 404, {}, {"message": "Not Found"}


def pull(number: int = 7, sha: str = SHA, repository: str = REPOSITORY, state: str = "open") -> dict[str, Any]:
    """A pull request as the API lists it."""
    return {"number": number, "state": state, "head": {"sha": sha}, "base": {"repo": {"full_name": repository}}}


@contextmanager
def serving() -> Iterator[FakeGitHub]:
    """A repository whose API and storage answer until the end of the block."""
    fake = FakeGitHub(pulls=[pull()])
    servers = [
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers, fake)) for answers in (_ApiHandler, _StorageHandler)
    ]
    fake.api, fake.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield fake
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


class _QuietHandler(BaseHTTPRequestHandler):
    fake: FakeGitHub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        pass


class _ApiHandler(_QuietHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self.fake.requests.append(f"{self.command} {self.path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status: int = 401
            headers: dict[str, str] = {}
            tree: Any = {"message": "Bad credentials"}
        else:
            status, headers, tree = self.fake.answer(self.command, self.path, body)
        data = b"" if tree is None else json.dumps(tree).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _StorageHandler(_QuietHandler):
    def do_GET(self) -> None:
        fake = self.fake
        if "Authorization" in self.headers or TOKEN in str(self.headers) + self.path:
            fake.leaked.append(self.path)
        status = fake.storage_statuses.pop(0) if fake.storage_statuses else 200
        self.send_response(status)
        if fake.poured:
            self.end_headers()
            self._pour(fake.poured)
            return
        data = fake.archive if status == 200 else b""
        self.send_header("Content-Length", str(len(data) if fake.announced is None else fake.announced))
        self.end_headers()
        self.wfile.write(data)

    def _pour(self, size: int) -> None:
        """Until the other side has had enough."""
        try:
            for _ in range(size // 2**20):
                self.wfile.write(bytes(2**20))
        except OSError:
            self.close_connection = True


def _handler(answers: type[_QuietHandler], fake: FakeGitHub) -> type[_QuietHandler]:
    return type(answers.__name__, (answers,), {"fake": fake})
