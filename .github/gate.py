"""The gate as a step of a workflow: sets up, runs or merges, renders, and ends with the status of what it ran.

Uses the standard library only: it runs before anything is installed, with whatever Python a runner has.

An input arrives as an environment variable and leaves as one argument of a list; no shell reads it. What builds and
trainers print is relayed between `::stop-commands::` and a random token, so that the runner takes no line of it for a
command, and they are not told the files through which a step talks to the runner. This prevents accidents. It is not a
sandbox: a candidate is code and runs as the job's user.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
USAGE, NOT_RUN, UNDECIDED, BUG = 2, 3, 5, 70
"""The values of `parity.errors.ExitStatus`."""

_LARGEST_SUMMARY = 1 << 20
_CUT = "\n\n… cut here: a step summary holds 1 MiB. The full report is `report.md` in the folder of the run.\n"
_KEPT_FROM_TRAINERS = re.compile(r"GITHUB_(OUTPUT|ENV|PATH|STATE|STEP_SUMMARY|TOKEN)|GH_TOKEN|ACTIONS_.*|PARITY_.*")
_COMMAND = re.compile(r"::(error|warning|notice)[ :]")
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*==?\s*(\S.*)")
_WHEEL = re.compile(r"(?:.*/)?([A-Za-z0-9][A-Za-z0-9._]*)-[^/]+\.whl")
_LAST_LINES = 5


class Refused(Exception):  # noqa: N818 - it names what happens to an input
    """An input that cannot be used; the message is one line that says what to write instead."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a step is asked to do, checked as far as possible without parity."""

    target: str
    """The target of `make` that sets up a parity that can do it."""
    parity: Path
    command: tuple[str, ...]
    packages: tuple[str, ...] = ()
    """Installed next to parity, for the providers that they contain."""
    out: Path
    """The folder of the run."""


def run_asked(environ: Mapping[str, str]) -> Work:
    """What the inputs of `action.yml` ask for.

    Raises:
        Refused: one of them cannot be used.

    """
    said = {name: environ.get(f"PARITY_{name.upper()}", "").strip() for name in ("seeds", "steps", "jobs", "shard")}
    options = [f"--{name}={value}" for name, value in said.items() if value]
    canaries = environ.get("PARITY_CANARIES", "").strip()
    if canaries not in {"true", "false"}:
        raise Refused(f"canaries: true or false, not {canaries!r}")
    options += ["--canaries"] if canaries == "true" else []
    if golden := environ.get("PARITY_GOLDEN", "").strip():
        options.append(f"--golden={golden}")
    options += [f"--set={_pin(line)}" for line in _lines(environ.get("PARITY_CANDIDATE", ""))]
    probes = _paths("probes", environ.get("PARITY_PROBES", "")) or [str(ROOT / "probes" / "current")]
    out = _out(environ)
    return Work(
        target="setup",
        parity=ROOT / ".venv" / "bin" / "parity",
        command=("run", *options, f"--out={out}", "--", *probes),
        packages=tuple(_lines(environ.get("PARITY_PROVIDERS", ""))),
        out=out,
    )


def merge_asked(environ: Mapping[str, str]) -> Work:
    """What the inputs of the action that merges shards ask for.

    Raises:
        Refused: no shard was found.

    """
    named = _paths("shards", environ.get("PARITY_SHARDS", ""))
    paths = [Path(found) for name in named for found in sorted(glob(name)) or [name]]  # noqa: PTH207 - may be absolute
    shards = [str(shard) for path in paths for shard in _shards(path)]
    if not shards:
        raise Refused(f"shards: no run folder in {', '.join(named) or 'an empty input'}; were the shards downloaded?")
    out = _out(environ)
    return Work(
        target="judge",
        parity=ROOT / ".venv-judge" / "bin" / "parity",
        command=("merge", f"--out={out}", "--", *shards),
        out=out,
    )


def main(mode: str, environ: Mapping[str, str]) -> int:
    """Does one step's work.

    Returns:
        Its exit status: 0 only if there is a run that met every expectation and could be rendered.

    """
    step, relay = Step(environ), Relay()
    for stopped in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopped, relay.stop)
    try:
        return _work(mode, environ, step, relay)
    except Refused as refused:
        return step.no_result(str(refused), USAGE)
    except Exception as error:  # noqa: BLE001 - a status of 1 would say that two trainers differ
        return step.no_result(f"a bug in the gate itself: {type(error).__name__}: {error}", BUG)


def _work(mode: str, environ: Mapping[str, str], step: Step, relay: Relay) -> int:
    work = {"run": run_asked, "merge": merge_asked}[mode](environ)
    if code := relay("setup", "make", "--no-print-directory", "-C", ROOT, work.target, f"PYTHON={sys.executable}"):
        return step.no_result(f"make {work.target} ended with status {code}", NOT_RUN, relay.said)
    if work.packages:
        installer = (work.parity.with_name("uv"), "pip", "install", "--python", work.parity.with_name("python"))
        if code := relay("providers", *installer, "--", *work.packages):
            return step.no_result(f"the packages of providers were not installed: status {code}", NOT_RUN, relay.said)
    status = relay(f"parity {mode}", work.parity, *work.command)
    verdict = _verdict(work.out)
    if verdict is None:
        ended = f"parity {mode} ended with status {status} and left no results"
        return step.no_result(ended, status or UNDECIDED, relay.said)
    return step.result(work, verdict, status)


@dataclass(kw_only=True)
class Relay:
    """Runs programs, keeps the runner from obeying what they print, and remembers their last lines."""

    said: list[str] = field(default_factory=list)
    _running: subprocess.Popen[bytes] | None = None

    def __call__(self, title: str, *command: str | Path) -> int:
        """Runs a program to its end.

        Returns:
            Its exit status; as in a shell, 128 plus the number of a signal, and 127 if there is no such program.

        """
        self.said.clear()
        _say(f"::group::{title}")
        with quoted():
            code = self._run(command)
        _say("::endgroup::")
        return code if code >= 0 else 128 - code

    def stop(self, *_: object) -> None:
        """Handles a cancelled job: the program finishes what it is writing, and is rendered as interrupted."""
        if self._running is not None:
            self._running.terminate()

    def _run(self, command: Sequence[str | Path]) -> int:
        try:
            self._running = _start(command, stderr=subprocess.STDOUT)
        except OSError as error:
            self._note(f"{command[0]}: {error.strerror}")
            return 127
        assert self._running.stdout is not None
        for line in self._running.stdout:
            self._note(line.decode(errors="replace").rstrip("\r\n"))
        return self._running.wait()

    def _note(self, line: str) -> None:
        _say(line)
        self.said[:] = [*self.said, line][-_LAST_LINES:]


class Step:
    """What a step tells the runner: outputs, summary, annotations."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._output, self._summary = environ.get("GITHUB_OUTPUT"), environ.get("GITHUB_STEP_SUMMARY")
        self._complaints: list[str] = []

    def no_result(self, why: str, status: int, said: Sequence[str] = ()) -> int:
        """Reports that there is no result, and why; the status is never that of a success."""
        self._write(verdict="no result", status=str(status), report="", html="", json="", junit="", run="")
        last = "".join(f"\n    {line}" for line in said)
        self._summarise(f"❌ **No result.** The gate has judged nothing:\n\n    {' '.join(why.split())}{last}\n")
        self._error(f"no result: {why}")
        return status

    def result(self, work: Work, verdict: str, status: int) -> int:
        """Renders a run, whatever its status; if something cannot be rendered, a success becomes a failure."""
        page = self._rendered(work, "markdown", status)
        for form, name in _FILES.items():
            if text := self._rendered(work, form, status):
                (work.out / name).write_text(text, encoding="utf-8")
        for line in self._rendered(work, "annotations", status).splitlines():
            if _COMMAND.match(line):
                _say(line)
        for complaint in self._complaints:
            self._error(complaint)
        answer = status or (BUG if self._complaints else 0)
        places = {"report": "report.md", "json": "results.json"} | _FILES
        found = {name: str(work.out / at) if (work.out / at).is_file() else "" for name, at in places.items()}
        self._write(verdict=verdict, status=str(answer), run=str(work.out), **found)
        self._summarise("".join([page, *(f"\n\n⚠ {complaint}\n" for complaint in self._complaints)]))
        with quoted():
            _say(f"{verdict} (status {answer})")
        return answer

    def _rendered(self, work: Work, form: str, status: int) -> str:
        """One rendering; `parity report` must end with the status of the run."""
        with quoted():
            process = _start((work.parity, "report", work.out, f"--format={form}"))
            text = process.communicate()[0].decode(errors="replace")
        if process.returncode != status:
            ended = f"parity report --format {form} ended with status {process.returncode}"
            self._complaints.append(f"{ended}, the run with {status}")
        return text

    def _write(self, **outputs: str) -> None:
        if self._output is None:
            return
        with Path(self._output).open("a", encoding="utf-8") as file:
            for name, value in outputs.items():
                end = secrets.token_hex(16)
                file.write(f"{name}<<{end}\n{value}\n{end}\n")

    def _summarise(self, text: str) -> None:
        if self._summary is None:
            return
        path = Path(self._summary)
        room = _LARGEST_SUMMARY - (path.stat().st_size if path.is_file() else 0)
        with path.open("ab") as file:
            file.write(fitting(text, room))

    def _error(self, text: str) -> None:
        escaped = " ".join(text.split()).replace("%", "%25")
        _say(f"::error title=parity::{escaped}")


_FILES = {"html": "report.html", "junit": "junit.xml"}
"""What is rendered into the folder of a run, in addition to what the run writes there itself."""


@contextmanager
def quoted() -> Iterator[None]:
    """Makes the runner treat everything that is printed meanwhile as text."""
    token = secrets.token_hex(16)
    _say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        _say(f"::{token}::")


def fitting(text: str, room: int) -> bytes:
    """As many whole lines as there is room for, in bytes, and a line that says that some were cut."""
    whole, cut = text.encode(), _CUT.encode()
    if len(whole) <= room:
        return whole
    kept = whole[: max(0, room - len(cut))]
    return (kept[: kept.rfind(b"\n") + 1] + cut)[: max(0, room)]


def _say(line: str) -> None:
    sys.stdout.buffer.write(line.encode(errors="replace") + b"\n")
    sys.stdout.buffer.flush()


def _start(command: Sequence[str | Path], *, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Starts a program whose standard output can be read here."""
    environment = {name: value for name, value in os.environ.items() if not _KEPT_FROM_TRAINERS.fullmatch(name)}
    environment = {"COLUMNS": "120"} | environment | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)


def _verdict(run: Path) -> str | None:
    """The sentence of a run; None if it left no results."""
    try:
        verdict = json.loads((run / "results.json").read_text(encoding="utf-8"))["summary"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return " ".join(str(verdict).split())


def _out(environ: Mapping[str, str]) -> Path:
    """A folder outside of the checkout, which is identified by its content and must not change."""
    if asked := environ.get("PARITY_OUT", "").strip():
        return Path(asked).absolute()
    return Path(tempfile.mkdtemp(prefix="parity-", dir=environ.get("RUNNER_TEMP") or None))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _paths(what: str, text: str) -> list[str]:
    """One path per line, spaces included, if it exists as written; otherwise separated by spaces, as in a shell."""
    found: list[str] = []
    for line in _lines(text):
        try:
            found += [line] if Path(line).exists() else shlex.split(line)
        except ValueError as error:
            raise Refused(f"{what}: {line!r} cannot be split into paths ({error}); write one per line") from None
    return found


def _shards(path: Path) -> list[Path]:
    """The run folders of a path: itself, or those in it, as `actions/download-artifact` creates them."""
    return [path] if (path / "plan.json").is_file() else sorted(each.parent for each in path.glob("*/plan.json"))


def _pin(candidate: str) -> str:
    """A requirement as a key of `[environment]` and its value, in TOML."""
    if found := _REQUIREMENT.fullmatch(candidate):
        name, value = found.groups()
    elif found := _WHEEL.fullmatch(candidate):
        name, value = found[1], candidate if candidate.startswith(("/", ".")) else f"./{candidate}"
    else:
        raise Refused(f"candidate: write name=release, name=./checkout or a wheel (*.whl), not {candidate!r}")
    canonical = re.sub(r"[-_.]+", "-", name).lower()
    return f"environment.{canonical}={json.dumps(value, ensure_ascii=False)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ))
