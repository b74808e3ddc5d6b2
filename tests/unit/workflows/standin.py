"""A tool whose `make`, `parity` and `uv` only note that they were called, and do what a test tells them to.

What the real ones do is tested elsewhere; here it matters what the steps around them make of it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.unit.workflows.runner import ROOT, Runner

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """#!PYTHON -IS
import json, os, pathlib, signal, sys
here = pathlib.Path("HERE")
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
with (here / "calls").open("a") as file:
    print(json.dumps({"name": name, "words": words, "env": dict(os.environ)}), file=file)
told = json.loads((here / "told.json").read_text())
says = told.get(" ".join([name, *words[:1]]), told.get(name, {}))
if name == "parity":
    says = told.get(words[0], {})
    options = dict(word.lstrip("-").split("=", 1) for word in words if word.startswith("--") and "=" in word)
    if words[0] == "report":
        says = says.get(options["format"], {})
    if says.get("waits"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # one that comes early waits to be waited for
        print("waits", flush=True)
        signal.sigwait({signal.SIGTERM})
        print("stopped", flush=True)
    if "results" in says:
        out = pathlib.Path(options["out"])
        out.mkdir(parents=True, exist_ok=True)
        (out / "plan.json").write_text("{}")
        (out / "report.md").write_text("a page")
        (out / "results.json").write_text(json.dumps(says["results"]))
sys.stdout.write(says.get("prints", ""))
sys.exit(says.get("status", 0))
"""

PAGES = {
    "markdown": {"prints": "a page\n"},
    "html": {"prints": "<p>a page</p>\n"},
    "junit": {"prints": "<testsuites/>\n"},
    "annotations": {"prints": "::error title=current/self::diverged\n"},
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """Of one stand-in."""

    name: str
    words: tuple[str, ...]
    env: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A checkout of this repository with stand-ins in place of what takes time."""

    folder: Path
    home: Path

    def tell(self, **told: Any) -> None:
        """What each program does when it is called, or called with a first word, as `make lint`.

        It has `prints`, `status`, and for a run its `results`.
        """
        status = told.get("run", told.get("merge", {})).get("status", 0)
        pages = {form: {"status": status, **page} for form, page in PAGES.items()}
        report = {form: {**page, **told.get("report", {}).get(form, {})} for form, page in pages.items()}
        (self.home / "told.json").write_text(json.dumps({**told, "report": report}))

    def calls(self, name: str = "parity", first: str = "") -> list[Call]:
        """The calls of one program, in their order."""
        file = self.home / "calls"
        lines = file.read_text().splitlines() if file.is_file() else []
        called = [Call(**(each | {"words": tuple(each["words"])})) for each in map(json.loads, lines)]
        return [call for call in called if call.name == name and first in {"", *call.words[:1]}]

    def runner(self, action: str = ".") -> Runner:
        """For the steps of one of its actions, or of its workflows where that is the workspace."""
        return Runner(home=self.home, action=self.folder / action, path=f"{self.home / 'bin'}:{os.environ['PATH']}")


def program(home: Path) -> str:
    """The text of every stand-in, whatever its name is."""
    return _PROGRAM.replace("PYTHON", sys.executable).replace("HERE", str(home))


def put(place: Path, text: str) -> None:
    """Writes a program."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o755)


def tool(home: Path) -> Tool:
    """Makes one, in an empty folder."""
    folder = home / "tool"
    shutil.copytree(ROOT / ".github", folder / ".github")
    venvs = (".venv/bin/parity", ".venv/bin/uv", ".venv-judge/bin/parity")
    python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'  # that of the path may be a script that looks for one
    put(home / "bin" / "python3", python)
    for place in (home / "bin" / "make", *(folder / name for name in venvs)):
        put(place, program(home))
    made = Tool(folder=folder, home=home)
    made.tell()
    return made
