"""What a runner of GitHub Actions does with a `run:` block, as far as it goes on any machine.

Expressions of `env:` are the few forms that this project writes; one that is not known is an error, not empty. Commands
are obeyed as actions/runner does it (`ActionCommandManager`): a line that starts with `::name`, or holds `##[name]`,
but not from `::stop-commands::` on, until its token ends that.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]
_COMMAND = re.compile(r"\s*::(?P<name>[A-Za-z0-9_-]+)(?: (?P<about>[^:]*))?::(?P<text>.*)")
_OLD_COMMAND = re.compile(r"##\[(?P<name>[A-Za-z0-9_-]+)(?P<about>)[^\]]*\](?P<text>.*)")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_PART = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def files() -> list[Path]:
    """Every action and workflow of this repository, relative to it."""
    found = [ROOT / "action.yml", *ROOT.glob(".github/actions/*/action.yml"), *ROOT.glob(".github/workflows/*.yml")]
    return sorted(path.relative_to(ROOT) for path in found)


def read(text: str | Path) -> dict[str, Any]:
    """One file, with `on` as the word that it is."""
    content: dict[str, Any] = YAML(typ="safe").load(text)
    return content


def steps(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The steps of an action or a workflow, each with its job; an action has none."""
    jobs = content.get("jobs", {"": content.get("runs", {})})
    for job, body in jobs.items():
        for step in body.get("steps", []):
            yield job, step


@dataclass(frozen=True, kw_only=True)
class Block:
    """One `run:` of one step."""

    file: Path
    job: str
    name: str
    script: str
    env: Mapping[str, str]
    shell: str
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Of the action's inputs, without those that it computes."""

    def __str__(self) -> str:
        return f"{self.file} {self.job} {self.name}".replace("  ", " ")


@cache
def blocks() -> tuple[Block, ...]:
    """Every `run:` block there is."""
    found = []
    for file in files():
        content = read(ROOT / file)
        inputs = content.get("inputs", {}) if "runs" in content else {}
        defaults = {name: str(each.get("default", "")) for name, each in inputs.items()}
        found += [
            Block(
                file=file,
                job=job,
                name=step.get("name", "without a name"),
                script=step["run"],
                env=step.get("env", {}),
                shell=step.get("shell", ""),
                defaults=defaults,
            )
            for job, step in steps(content)
            if "run" in step
        ]
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a step left behind."""

    status: int
    printed: str
    outputs: Mapping[str, str]
    summary: str

    @property
    def obeyed(self) -> list[tuple[str, str]]:
        """The commands that a runner obeys, by name and text; every pause of them must have ended."""
        found, token = [], None
        for line in self.printed.splitlines():
            match = _COMMAND.match(line) or _OLD_COMMAND.search(line)
            if match is None:
                continue
            name, text = match["name"], match["text"]
            if token is not None:
                token = None if name == token else token
            elif name == "stop-commands":
                token = text
            else:
                found.append((name, text))
        assert token is None, "stop-commands was never ended"
        return found


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A place for one step: its workspace, its temporary folder, the files that it writes to."""

    home: Path
    action: Path
    """Of which the step is, or the workspace."""
    path: str

    def run(
        self, block: Block, inputs: Mapping[str, str] | None = None, event: Mapping[str, Any] | None = None
    ) -> Ended:
        """Runs a block to its end; an input that is not given has its default."""
        process = self.start(block, inputs, event)
        printed = process.communicate(timeout=900)[0]
        return self.ended(process.returncode, printed)

    def start(
        self, block: Block, inputs: Mapping[str, str] | None = None, event: Mapping[str, Any] | None = None
    ) -> subprocess.Popen[str]:
        """Starts a block."""
        for folder in (self.workspace, self.home / "temp"):
            folder.mkdir(parents=True, exist_ok=True)
        assert set(inputs or {}) <= set(block.defaults), "an input that this action does not have"
        context = {"inputs": {**block.defaults, **(inputs or {})}, "github": {"event": event or {}, "token": "a-token"}}
        script = self.home / "script.sh"
        script.write_text(block.script, encoding="utf-8")
        for name in ("output", "summary"):
            (self.home / name).touch()
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", *(["-eo", "pipefail"] if block.shell else ["-e"]), str(script)],
            cwd=self.workspace,
            env={
                "PATH": self.path,
                "HOME": str(Path.home()),
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(self.action),
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_OUTPUT": str(self.home / "output"),
                "GITHUB_STEP_SUMMARY": str(self.home / "summary"),
                "RUNNER_TEMP": str(self.home / "temp"),
                **{name: _evaluated(value, context) for name, value in block.env.items()},
                **{name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_"))},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ended(self, status: int, printed: str) -> Ended:
        """What is there after a step."""
        return Ended(
            status=status,
            printed=printed,
            outputs=_outputs((self.home / "output").read_text(encoding="utf-8")),
            summary=(self.home / "summary").read_text(encoding="utf-8"),
        )

    @property
    def workspace(self) -> Path:
        return self.home / "workspace"


def _evaluated(text: object, context: Mapping[str, Any]) -> str:
    return _EXPRESSION.sub(lambda found: _value(found[1].strip(), context), str(text))


def _value(expression: str, context: Mapping[str, Any]) -> str:
    for part in map(str.strip, expression.split("||")):
        assert _PART.fullmatch(part), f"an expression that this runner does not know: {expression}"
        value: Any = context
        for key in part.split("."):
            value = value.get(key, "") if isinstance(value, dict) else ""
        if value:
            return _evaluated(value, context)
    return ""


def _outputs(text: str) -> dict[str, str]:
    """As the runner reads the file: `name=value`, or `name<<end`, lines, `end`."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, heredoc, end = line.partition("<<")
        if heredoc and "=" not in name:
            value = []
            for each in lines:
                if each == end:
                    break
                value.append(each)
            else:
                raise AssertionError(f"the value of {name} has no end")
            found[name] = "\n".join(value)
        else:
            name, equals, value_here = line.partition("=")
            assert equals, f"not an output: {line!r}"
            found[name] = value_here
    return found
