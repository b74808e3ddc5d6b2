"""Many cells side by side on this machine, each in a process of its own.

A cell that dies costs its own row only. Progress is read off the trace files, which are flushed a
step at a time: nothing else passes between a cell and whoever watches it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

import parity
from parity.assess import LOG, assess, note_exit, probe_result, trace_path
from parity.cache import kernel_slot
from parity.compiler import missing_compiler
from parity.environments import interpreter
from parity.errors import UnavailableError
from parity.probe.values import ArmName, to_plain
from parity.progress import Cell, Progress
from parity.result import CellResult, RunResult
from parity.rundir import cell_folder
from parity.trainers.registry import provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from parity.blind import BlindSpot
    from parity.probe.values import Probe

_POLL = 0.1
_PATIENCE = 5.0


def run_probes(
    probes: Sequence[Probe],
    out: Path,
    *,
    jobs: int,
    watch: Callable[[Progress], None],
    say: Callable[[str], None],
    blind: Mapping[str, tuple[BlindSpot, ...]] = MappingProxyType({}),
) -> RunResult:
    """Runs every probe at every seed, `jobs` cells at a time.

    Args:
        probes: checked probes.
        out: the folder of the run.
        blind: by probe name, what its workload cannot show.
        jobs: cells side by side.
        watch: called in this thread whenever a cell has gone on.
        say: called with a line about what takes time before a cell can start.

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
        for cell, result in _run(cells, _interpreters(probes, say), jobs, watch):
            results[cell.probe.name, cell.seed] = result
    except KeyboardInterrupt:
        interrupted = True
    found = []
    for probe in probes:
        keys = [(probe.name, seed) for seed in probe.workload.seeds]
        ended = tuple(results[key] for key in keys if key in results)
        found.append(probe_result(probe, ended, blind.get(probe.name, ())))
    return RunResult(probes=tuple(found), interrupted=interrupted)


def _run(
    cells: Sequence[Cell],
    pythons: Mapping[str, Path | UnavailableError],
    jobs: int,
    watch: Callable[[Progress], None],
) -> Iterator[tuple[Cell, CellResult]]:
    waiting, running = list(cells), list[_Running]()
    with _lab() as lab:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    cell = waiting.pop(0)
                    started = _start(cell, pythons[cell.probe.name], lab)
                    if isinstance(started, _Running):
                        running.append(started)
                    else:
                        watch(Progress(cell=cell, arm=ArmName.REFERENCE, done=0, result=started))
                        yield cell, started
                for each in list(running):
                    progress = each.look()
                    watch(progress)
                    if progress.result is not None:
                        running.remove(each)
                        yield each.cell, progress.result
                time.sleep(_POLL)
        finally:
            for each in running:
                each.ask_to_stop()
            for each in running:
                each.stop()


def _start(cell: Cell, python: Path | UnavailableError, lab: Path) -> _Running | CellResult:
    """A process, or the result of a cell that could not be started: it costs its own row only."""
    try:
        if isinstance(python, UnavailableError):
            raise python
        return _Running(cell, python, lab)
    except (UnavailableError, OSError) as error:
        return CellResult(seed=cell.seed, steps=0, verdict=None, failure=str(error))


class _Running:
    """One process."""

    def __init__(self, cell: Cell, python: Path, lab: Path) -> None:
        self.cell = cell
        self._counters = {arm: _Lines(trace_path(cell.folder, arm)) for arm in ArmName}
        cell.folder.mkdir(parents=True, exist_ok=True)
        specification = cell.folder / "cell.json"
        specification.write_text(json.dumps({"probe": to_plain(cell.probe), "seed": cell.seed}), encoding="utf-8")
        with ExitStack() as held:
            self._slot = held.enter_context(kernel_slot())
            log = held.enter_context((cell.folder / LOG).open("wb"))
            self._process = subprocess.Popen(
                [str(python), "-P", "-m", "parity.cell", str(specification), str(cell.folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(lab, self._slot.folder, pinned=bool(cell.probe.environment)),
                pass_fds=(self._slot.lock,),
                start_new_session=True,  # a Ctrl-C reaches us alone; we stop the cells
            )
            self._held = held.pop_all()

    def look(self) -> Progress:
        """How far it is; judges it when it has ended."""
        code = self._process.poll()
        counts = {arm: max(0, lines.count() - 2) for arm, lines in self._counters.items()}
        begun = [arm for arm in ArmName if counts[arm]]
        result = None
        if code is not None:
            if code >= 0:
                self._slot.keep_kernels()
            self._release()
            note_exit(self.cell.folder, code)
            result = assess(self.cell.probe, self.cell.seed, self.cell.folder)
        done = min(sum(counts.values()), self.cell.total)
        return Progress(cell=self.cell, arm=begun[-1] if begun else ArmName.REFERENCE, done=done, result=result)

    def ask_to_stop(self) -> None:
        """Lets it end its trace."""
        self._process.terminate()

    def stop(self) -> None:
        """Makes it go, and a compiler that it started."""
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._release()

    def _release(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        for lines in self._counters.values():
            lines.close()
        self._held.close()


@dataclass
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

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()


def _environment(lab: Path, slot: Path, *, pinned: bool) -> dict[str, str]:
    """Ours, without what would lead out of a pinned environment."""
    ours = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    paths = [str(lab), *([] if pinned else filter(None, [os.environ.get("PYTHONPATH")]))]
    return ours | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "TMPDIR": str(slot)}


def _interpreters(probes: Sequence[Probe], say: Callable[[str], None]) -> dict[str, Path | UnavailableError]:
    """The Python of each probe by its name, or why there is none; built once, before any cell starts."""
    found: dict[str, Path | UnavailableError] = {}
    for probe in probes:
        try:
            found[probe.name] = _interpreter(probe, say)
        except UnavailableError as error:
            found[probe.name] = error
    return found


def _interpreter(probe: Probe, say: Callable[[str], None]) -> Path:
    if complaint := missing_compiler():
        raise UnavailableError(complaint)
    arms = (probe.reference, probe.candidate)
    names = {name for arm in arms for name in (arm.provider, *arm.stages.values())}
    needed = {distribution for name in names for distribution in provider(name).distributions}
    return interpreter(probe.environment, needed, say)


@contextmanager
def _lab() -> Iterator[Path]:
    """A folder with this package and nothing else, for the path of an environment that lacks it."""
    with tempfile.TemporaryDirectory(prefix="parity-lab-") as folder:
        (Path(folder) / "parity").symlink_to(Path(parity.__file__).parent, target_is_directory=True)
        yield Path(folder)
