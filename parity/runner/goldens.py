"""Records goldens: runs the references of probes, compares them with their goldens, and writes what it may."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import BadGoldenError, NotKeptError
from parity.files import write_whole
from parity.golden.file import golden_name, read_golden, write_golden
from parity.golden.folder import goldens_of
from parity.golden.recorded import Recorded, RecordedGolden
from parity.golden.values import golden_of
from parity.golden.workload import asked
from parity.metrics import SIZED_METRICS
from parity.probe.values import ArmName, to_plain
from parity.runner.pool import Task, run_all
from parity.runner.process import interpreter_of
from parity.trace.cell import LOG, note_exit, read_arm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from parity.golden.values import Golden
    from parity.probe.values import Probe


def record(
    probes: Sequence[Probe], folder: Path, *, jobs: int, replaces: bool, say: Callable[[str], None]
) -> Iterator[RecordedGolden]:
    """Runs the reference of every probe at every seed, `jobs` at a time.

    Args:
        probes: checked probes.
        folder: the folder of all platforms.
        jobs: processes at a time.
        replaces: whether a golden that differs is replaced.
        say: called with a line about what takes time.

    Raises:
        BadGoldenError: a golden cannot be read and is not to be replaced; raised before anything is run.
        NotKeptError: a golden cannot be written.

    """
    if not replaces:
        for probe, seed in _cells(probes):
            for path in goldens_of(folder, probe, seed):
                read_golden(path, platform=path.parent.name, probe=probe.name, seed=seed)
    scratch = Path(tempfile.mkdtemp(prefix="parity-record-"))
    cells = {scratch / str(number): cell for number, cell in enumerate(_cells(probes))}
    pythons = {probe.name: interpreter_of(probe, say) for probe in probes}
    tasks = deque(
        Task(
            module="parity.lab.cell",
            specification={"probe": to_plain(probe), "seed": seed, "arms": [ArmName.REFERENCE]},
            folder=at,
            log=LOG,
            python=pythons[probe.name],
            seconds=probe.seconds,
        )
        for at, (probe, seed) in cells.items()
    )
    kept = False
    for task, ended in run_all(tasks, jobs=jobs):
        if isinstance(ended, OSError):
            raise ended
        note_exit(task.folder, ended)
        found = _record(*cells[task.folder], task.folder, folder, replaces=replaces)
        kept |= found.what is Recorded.FAILED
        yield found
    if not kept:
        shutil.rmtree(scratch, ignore_errors=True)


def _cells(probes: Sequence[Probe]) -> list[tuple[Probe, int]]:
    return [(probe, seed) for probe in probes for seed in probe.workload.seeds]


def _record(probe: Probe, seed: int, ran: Path, folder: Path, *, replaces: bool) -> RecordedGolden:
    read = read_arm(probe, seed, ran, ArmName.REFERENCE)
    if read.failure or read.trace is None:
        failure = f"{read.failure} ({ran / LOG})"
        return RecordedGolden(what=Recorded.FAILED, probe=probe.name, seed=seed, path=None, failure=failure)
    now = golden_of(read.trace, asked(probe))
    path = folder / now.platform / golden_name(probe.name, seed)
    if nan := _not_a_number(now):
        return RecordedGolden(what=Recorded.FAILED, probe=probe.name, seed=seed, path=path, failure=nan)
    then = _read(path, now, replaces=replaces)
    same = then is not None and (then.asked, then.groups, then.steps) == (now.asked, now.groups, now.steps)
    if same:
        what = Recorded.SAME
    elif not path.exists():
        what = Recorded.FIRST
    else:
        what = Recorded.REPLACED if replaces else Recorded.DIFFERS
    if what in {Recorded.FIRST, Recorded.REPLACED}:
        _write(path, now)
    return RecordedGolden(what=what, probe=probe.name, seed=seed, path=path, then=then, now=now)


def _not_a_number(golden: Golden) -> str:
    """Where a golden has a NaN, which equals nothing, so that such a golden could never match; empty: nowhere."""
    for step in golden.steps:
        for name in SIZED_METRICS:
            value = getattr(step, name)
            if value is not None and math.isnan(value):
                return f"{name} is NaN at step {step.step}: it equals nothing, so no golden with it can match"
    return ""


def _read(path: Path, now: Golden, *, replaces: bool) -> Golden | None:
    if not path.exists():
        return None
    try:
        return read_golden(path, platform=now.platform, probe=now.probe, seed=now.seed)
    except BadGoldenError:
        if replaces:
            return None
        raise


def _write(path: Path, golden: Golden) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, write_golden(golden))
    except OSError as error:
        raise NotKeptError(
            f"{path}: cannot be written ({error.strerror}); choose a different folder with --golden"
        ) from None
