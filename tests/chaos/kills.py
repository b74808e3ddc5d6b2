"""Kills (-9) what works on a run at a random moment, and looks at what is left of it.

Nothing may be green that did not come to its end, every whole line must be readable, and no process may be left.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from parity.errors import BadTraceError
from parity.golden.file import read_golden
from parity.trace.file import read_trace
from tests.integration.running import PARITY, ROOT, probe_file

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

_PATIENCE = 30.0
_CELL, _CONTROL, _REPLAY = "parity.lab.cell", "parity.lab.control", "parity.lab.replay.arms"
_SAME = {"candidate": 'provider = "mlx-lm-train"', "expect": 'verdict = "identical"'}
_OTHER = {"candidate": 'provider = "mlx-lm"\n[candidate.workload.optimizer]\nlearning_rate = 2e-3'} | {
    "expect": 'verdict = "identical"'
}


@dataclass(frozen=True, kw_only=True)
class Struck:
    """What was killed, and what was said and left."""

    what: str
    hit: bool
    """Whether it was still there, and had something left to do."""
    status: int
    """Of the command that reads what is left, or of the one that went on."""
    said: str
    traces: int
    lines: int
    """Whole lines of these traces."""
    left: int
    """Processes that were still there at the end."""
    green: bool
    """Whether something reads as a pass that did not come to its end."""


def strike(what: str, folder: Path, dice: random.Random) -> Struck:
    """Kills one thing in a new folder.

    Args:
        what: a name in `KINDS`.
        folder: an empty folder.
        dice: gives the moment.

    """
    return KINDS[what](what, folder, dice)


def _parent(what: str, folder: Path, dice: random.Random) -> Struck:
    probe = probe_file(folder / "probes" / "p.toml", extends="hello", **_SAME)
    out = folder / "run"
    command = _start(folder, "run", probe, "--seeds", "1,2", "--out", out)
    _await(command, (out / "plan.json").exists)
    time.sleep(dice.uniform(0, 8))
    hit, left = _kill(command.pid)
    command.wait()
    if (out / "results.json").exists():
        hit = False
    return _read(what, out, hit=hit, left=left)


def _child(module: str, longest: float) -> Callable[[str, Path, random.Random], Struck]:
    def kill(what: str, folder: Path, dice: random.Random) -> Struck:
        probe = probe_file(folder / "probes" / "p.toml", extends="hello", **(_OTHER if module == _REPLAY else _SAME))
        out = folder / "run"
        more = ("--explain",) if module == _REPLAY else ()
        command = _start(folder, "run", probe, "--out", out, *more)
        _await(command, lambda: bool(_running(command.pid, module)))
        time.sleep(dice.uniform(0, longest))
        found = _running(command.pid, module)
        hit, left = _kill(found[0].pid) if found else (False, 0)
        command.wait()
        hit = hit and not _was_done(module, out)
        whole = _read(what, out, hit=hit, left=left)
        return whole if command.returncode == whole.status else _told(whole, folder, command.returncode)

    return kill


def _was_done(module: str, out: Path) -> bool:
    """Whether it had written all that it had to: what is killed after that has lost nothing, and its note says so."""
    if module == _CONTROL:
        return any(json.loads(file.read_text()) for file in out.rglob("control.json"))
    return module == _CELL and [read_trace(file).ending.complete for file in out.rglob("*.jsonl")] == [True] * 3


def _told(whole: Struck, folder: Path, status: int) -> Struck:
    """A command that went on and says something else than the folder that it left."""
    said = f"said {status} itself: {_first(folder)}"
    return Struck(**vars(whole) | {"said": said, "green": whole.green or (whole.hit and status == 0)})


def _merge(what: str, folder: Path, dice: random.Random) -> Struck:
    probe = probe_file(folder / "probes" / "p.toml", extends="hello", **_SAME)
    shards = [folder / "one", folder / "two"]
    for number, shard in enumerate(shards, start=1):
        _start(folder, "run", probe, "--seeds", "1,2", "--shard", f"{number}/2", "--out", shard).wait()
    out = folder / "run"
    command = _start(folder, "merge", *shards, "--out", out)
    _await(command, out.exists)
    time.sleep(dice.uniform(0, 0.1))
    hit, left = _kill(command.pid)
    command.wait()
    if all(_kept(shard, out) for shard in shards):  # only the reports are missing, and `parity report` makes them
        hit = False
    return _read(what, out, hit=hit, left=left)


def _kept(shard: Path, out: Path) -> bool:
    files = [file for file in (shard / "traces").rglob("*") if file.is_file()]
    copies = {file: out / file.relative_to(shard) for file in files}
    return all(copy.is_file() and copy.read_bytes() == file.read_bytes() for file, copy in copies.items())


def _recording(what: str, folder: Path, dice: random.Random) -> Struck:
    probe = probe_file(folder / "probes" / "p.toml", extends="hello", **_SAME)
    goldens = folder / "goldens"
    command = _start(folder, "record", probe, "--seeds", "1,2", "--golden", goldens)
    _await(command, lambda: bool(_running(command.pid, _CELL)))
    time.sleep(dice.uniform(0, 8))
    hit, left = _kill(command.pid)
    command.wait()
    files = sorted(goldens.rglob("*.txt"))
    for file in files:
        seed = int(file.stem.rpartition("-")[2])
        read_golden(file, platform=file.parent.name, probe="probes/p", seed=seed)
    halves = [file for file in goldens.rglob("*") if file.is_file() and file not in files and file.name[0] != "."]
    return Struck(
        what=what,
        hit=hit,
        status=command.returncode,
        said=f"{len(files)} of 2 golden files, each whole",
        traces=0,
        lines=0,
        left=left,
        green=bool(halves),
    )


KINDS: dict[str, Callable[[str, Path, random.Random], Struck]] = {
    "a run": _parent,
    "a cell": _child(_CELL, 4),
    "a control": _child(_CONTROL, 2),
    "a replay": _child(_REPLAY, 3),
    "a merge": _merge,
    "a recording": _recording,
}


def _start(folder: Path, *words: str | Path) -> subprocess.Popen[bytes]:
    with (folder / "said").open("wb") as said:
        return subprocess.Popen([*PARITY, *map(str, words)], cwd=ROOT, stdout=said, stderr=said)


def _await(command: subprocess.Popen[bytes], there: Callable[[], bool]) -> None:
    while command.poll() is None and not there():
        time.sleep(0.02)


def _running(pid: int, module: str) -> list[psutil.Process]:
    found = []
    for each in _below(pid):
        try:
            found += [each] if module in each.cmdline() else []
        except psutil.Error:
            continue
    return found


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(pid: int) -> tuple[bool, int]:
    """Whether it was still there, and how many of it and of what it had started outlive it."""
    try:
        process = psutil.Process(pid)
        process.suspend()  # it starts nothing more while we look
        everything = [process, *_below(pid)]
        hit = process.status() != psutil.STATUS_ZOMBIE
        process.kill()
    except psutil.NoSuchProcess:
        return False, 0
    end = time.monotonic() + _PATIENCE
    while (left := sum(map(_lives, everything))) and time.monotonic() < end:
        time.sleep(0.05)
    return hit, left


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _read(what: str, out: Path, *, hit: bool, left: int) -> Struck:
    """What `parity report` says of the folder that was left."""
    done = subprocess.run([*PARITY, "report", str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    said = next((line for line in (done.stdout + done.stderr).splitlines() if line.strip()), "")
    traces = sorted(out.rglob("*.jsonl"))
    return Struck(
        what=what,
        hit=hit,
        status=done.returncode,
        said=said.replace(str(out), "RUN"),
        traces=len(traces),
        lines=sum(map(_whole_lines, traces)),
        left=left,
        green=hit and done.returncode in {0, 70},
    )


def _whole_lines(file: Path) -> int:
    """Reads them all, one by one and as a trace; a file that was killed before its first line has none."""
    *whole, _cut = file.read_text(encoding="utf-8").split("\n")
    for line in whole:
        json.loads(line)
    if whole:
        read_trace(file)
    else:
        try:
            read_trace(file)
        except BadTraceError:
            return 0
    return len(whole)


def _first(folder: Path) -> str:
    lines = (folder / "said").read_text(encoding="utf-8").splitlines()
    return next((line for line in lines if line.strip()), "")
