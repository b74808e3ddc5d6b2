"""A stand-in of the hub on this machine: as much of its protocol as a snapshot is fetched with."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY = Path(__file__).parents[1] / "fixtures" / "models" / "tiny-gemma3"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Repositories by id, each a folder; and what is asked of it, in order."""

    def __init__(self, url: str, repositories: dict[str, Path], status: HTTPStatus | None, code: str) -> None:
        self.url = url
        self.repositories = repositories
        self.status = status
        """Answered to everything, where it is set."""
        self.code = code
        """The hub's word for it, in `X-Error-Code`."""
        self.asked: list[str] = []

    def environment(self, home: Path) -> dict[str, str]:
        """That leads a process here, with a cache of its own."""
        return {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}


@contextmanager
def hub(repositories: dict[str, Path] | None = None, status: HTTPStatus | None = None, code: str = "") -> Iterator[Hub]:
    """Serves until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    served = Hub(f"http://127.0.0.1:{server.server_port}", repositories or {}, status, code)
    server.hub = served  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """`/api/models/<id>`, its `tree/<commit>`, and `/<id>/resolve/<commit>/<file>`."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing is printed."""

    def _answer(self) -> None:
        served: Hub = self.server.hub  # type: ignore[attr-defined]
        path = urlsplit(self.path).path
        served.asked.append(path)
        if served.status is not None:
            self._send(served.status, json.dumps({"error": served.status.phrase}).encode(), code=served.code)
            return
        for name, folder in served.repositories.items():
            if path in {f"/api/models/{name}", f"/api/models/{name}/revision/main"}:
                files = [{"rfilename": file.name} for file in _files(folder)]
                self._json({"id": name, "modelId": name, "sha": COMMIT, "siblings": files, "private": False})
                return
            if path == f"/api/models/{name}/tree/{COMMIT}":
                self._json([_entry(file) for file in _files(folder)])
                return
            file = folder / path.removeprefix(f"/{name}/resolve/{COMMIT}/")
            if path.startswith(f"/{name}/resolve/{COMMIT}/") and file in _files(folder):
                self._send(HTTPStatus.OK, file.read_bytes(), etag=_oid(file))
                return
        self._send(HTTPStatus.NOT_FOUND, b'{"error": "Repository not found"}', code="RepoNotFound")

    def _json(self, tree: object) -> None:
        self._send(HTTPStatus.OK, json.dumps(tree).encode())

    def _send(self, status: HTTPStatus, body: bytes, *, etag: str = "", code: str = "") -> None:
        self.send_response(status)
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'} if etag else {}
        headers |= {"X-Error-Code": code} if code else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _oid(file: Path) -> str:
    """As git names a blob."""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _entry(file: Path) -> dict[str, object]:
    return {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _oid(file)}
