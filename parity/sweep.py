"""Many cells side by side on this machine, each in a process of its own.

A cell that dies costs its own row only. Progress is read off the trace files, which are flushed a
step at a time: nothing else passes between a cell and whoever watches it.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import parity
from parity.assess import LOG, assess, note_exit, trace_path
from parity.cache import kernel_slot
from parity.environments import interpreter
from parity.errors import UnavailableError
from parity.probe.values import ArmName, Probe, to_plain
from parity.result import CellResult, ProbeResult, RunResult
from parity.rundir import cell_folder
from parity.trainers.registry import provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_POLL = 0.1
_PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is to be run, and where its traces go."""

    probe: Probe
    seed: int
    folder: Path

    @property
    def total(self) -> int:
        """Steps over all three arms."""
        return self.probe.workload.steps * len(ArmName)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a cell is."""

    cell: Cell
    arm: ArmName
    done: int
    """Steps over all arms."""
    result: CellResult | None = None
    """Set once, when the cell has ended."""


def run_probes(probes: Sequence[Probe], out: Path, *, jobs: int, watch: Callable[[Progress], None]) -> RunResult:
    """Runs every probe at every seed, `jobs` cells at a time.

    Args:
        probes: checked probes.
        out: the folder of the run.
        jobs: cells side by side.
        watch: called in this thread whenever a cell has gone on.

    Returns:
        Finished cells only, where the user interrupted.

    """
    cells = [
        Cell(probe=probe, seed=seed, folder=cell_folder(out, probe, seed))
        for probe in probes
        for seed in probe.workload.seeds
    ]
    results: dict[tuple[str, int], CellResult] = {}
    interrupted = False
    try:
        for cell, result in _run(cells, jobs, watch):
            results[cell.probe.name, cell.seed] = result
    except KeyboardInterrupt:
        interrupted = True
    return RunResult(
        probes=tuple(
            ProbeResult(
                probe=probe,
                cells=tuple(results[key] for seed in probe.workload.seeds if (key := (probe.name, seed)) in results),
            )
            for probe in probes
        ),
        interrupted=interrupted,
    )


def _run(cells: Sequence[Cell], jobs: int, watch: Callable[[Progress], None]) -> Iterator[tuple[Cell, CellResult]]:
    waiting, running = list(cells), list[_Running]()
    with _lab() as lab:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    cell = waiting.pop(0)
                    try:
                        running.append(_Running(cell, lab))
                    except UnavailableError as error:
                        result = CellResult(seed=cell.seed, steps=0, verdict=None, failure=str(error))
                        watch(Progress(cell=cell, arm=ArmName.REFERENCE, done=0, result=result))
                        yield cell, result
                for each in list(running):
                    progress = each.look()
                    watch(progress)
                    if progress.result is not None:
                        running.remove(each)
                        yield each.cell, progress.result
                time.sleep(_POLL)
        finally:
            for each in running:
                each.stop()


class _Running:
    """One process."""

    def __init__(self, cell: Cell, lab: Path) -> None:
        self.cell = cell
        self._counters = {arm: _Lines(trace_path(cell.folder, arm)) for arm in ArmName}
        python = _interpreter(cell.probe)
        cell.folder.mkdir(parents=True, exist_ok=True)
        specification = cell.folder / "cell.json"
        specification.write_text(json.dumps({"probe": to_plain(cell.probe), "seed": cell.seed}), encoding="utf-8")
        self._held = ExitStack()
        slot = self._held.enter_context(kernel_slot())
        log = self._held.enter_context((cell.folder / LOG).open("wb"))
        self._process = subprocess.Popen(
            [str(python), "-P", "-m", "parity.cell", str(specification), str(cell.folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(lab, slot, pinned=bool(cell.probe.environment)),
            start_new_session=True,  # a Ctrl-C reaches us alone; we stop the cells
        )

    def look(self) -> Progress:
        """How far it is; judges it when it has ended."""
        code = self._process.poll()
        counts = {arm: max(0, lines.count() - 2) for arm, lines in self._counters.items()}
        begun = [arm for arm in ArmName if counts[arm]]
        result = None
        if code is not None:
            self._release()
            note_exit(self.cell.folder, code)
            result = assess(self.cell.probe, self.cell.seed, self.cell.folder)
        done = min(sum(counts.values()), self.cell.total)
        return Progress(cell=self.cell, arm=begun[-1] if begun else ArmName.REFERENCE, done=done, result=result)

    def stop(self) -> None:
        """Asks it to end its trace and go; makes it go."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._release()

    def _release(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._held.close()


@dataclass(kw_only=False)
class _Lines:
    """Counts the lines of a file that grows."""

    path: Path
    _file: BinaryIO | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False)

    def count(self) -> int:
        if self._file is None:
            if not self.path.exists():
                return 0
            self._file = self.path.open("rb")
        self._seen += self._file.read().count(b"\n")
        return self._seen


def _environment(lab: Path, slot: Path, *, pinned: bool) -> dict[str, str]:
    """Ours, without what would lead out of a pinned environment."""
    ours = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    paths = [str(lab), *([] if pinned else filter(None, [os.environ.get("PYTHONPATH")]))]
    return ours | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "TMPDIR": str(slot)}


def _interpreter(probe: Probe) -> Path:
    if platform.system() == "Linux" and shutil.which("g++") is None:
        raise UnavailableError("g++ is not on the path: MLX builds its CPU kernels with it; apt-get install g++")
    providers = {arm.provider for arm in (probe.reference, probe.candidate)}
    providers |= {name for arm in (probe.reference, probe.candidate) for name in arm.stages.values()}
    needed = {distribution for name in providers for distribution in provider(name).distributions}
    return interpreter(probe.environment, needed)


@contextmanager
def _lab() -> Iterator[Path]:
    """A folder with this package and nothing else, for the path of an environment that lacks it."""
    with tempfile.TemporaryDirectory(prefix="parity-lab-") as folder:
        (Path(folder) / "parity").symlink_to(Path(parity.__file__).parent, target_is_directory=True)
        yield Path(folder)
