"""An arm that is a command: run as it is, traced from inside, and kept as the trace of the arm."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import ParityError, UnavailableError
from parity.lab.fingerprint import tensor
from parity.lab.model import tensors
from parity.lab.provenance import header_of, provenance
from parity.lab.saved import saved, saved_settings
from parity.lab.sketch import sketch
from parity.probe.command import words
from parity.trace.control import Bare
from parity.trace.file import TraceWriter
from parity.trace.values import Ending
from parity.trainers.command.traced import run_traced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parity.probe.values import Arm, ArmName, Probe
    from parity.trace.values import End, Header, Trace


def run_command(probe: Probe, name: ArmName, seed: int, path: Path) -> bool:
    """Runs the command of an arm, traced, and writes the trace of the arm.

    Returns:
        Whether it trained to its end.

    """
    program = probe.arm(name).command[0]
    with _prepared(probe, name, seed) as cell:
        trace, ending = None, Ending(complete=True)
        try:
            found = run_traced(cell.command, cell.folder / "trace", variables=cell.variables, start=cell.start)
            trace = next(iter(found.traces.values()), None)
            if trace is None:
                ending = Ending(complete=False, why=f"{program}: nothing was traced: {found.why}")
            elif found.status:
                ending = Ending(complete=False, why=f"{program} ended with exit status {found.status}")
            else:
                ending = trace.ending
        except ParityError as error:
            ending = Ending(complete=False, why=str(error), unavailable=True)
        if trace is not None and trace.end is not None:
            trace = replace(trace, end=_with_saved(trace.end, cell.out))
        told = provenance(()) if trace is None else trace.header.provenance  # of the process that trained
        _write(path, header_of(probe, name, seed, told), trace, ending)
        return ending.complete


def run_bare(probe: Probe, name: ArmName, seed: int) -> Bare:
    """What the command of an arm saves when it is not traced.

    Raises:
        UnavailableError: it fails, or saves no adapter.

    """
    with _prepared(probe, name, seed) as cell:
        status = cell.start(cell.command, cell.variables)
        found = saved(cell.out, ())
        if status or not found:
            why = f"ended with exit status {status}" if status else "saved no adapter in {out}"
            raise UnavailableError(f"{cell.command[0]} {why}")
        digests = {name: tensor(leaf).digest for name, leaf in found.items()}
        return Bare(parameters=digests, sketch=sketch(found), started=())


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A command, ready to be started."""

    command: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    """Scratch; removed afterwards."""
    directory: str

    @property
    def out(self) -> Path:
        """What the command is given to write to."""
        return self.folder / "out"

    def start(self, command: Sequence[str], variables: Mapping[str, str]) -> int:
        """Runs it to its end; it goes where this process goes."""
        process = subprocess.Popen(command, env=dict(variables), cwd=self.directory or None)
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise


@contextmanager
def _prepared(probe: Probe, name: ArmName, seed: int) -> Iterator[_Cell]:
    arm, workload = probe.arm(name), probe.workload_of(name)
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        folder = Path(scratch)
        (folder / "out").mkdir()
        yield _Cell(
            command=words(arm, workload, seed, str(folder / "out")),
            variables=_variables(arm),
            folder=folder,
            directory=arm.directory,
        )


def _variables(arm: Arm) -> dict[str, str]:
    """Ours, without the path of this package; the programs beside its Python are found first."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    beside = Path(arm.python or sys.executable).parent
    return ours | {"PATH": os.pathsep.join([str(beside), ours.get("PATH", os.defpath)])}


def _with_saved(end: End, out: Path) -> End:
    found = saved(out, set(end.trainable))
    return replace(end, saved=None if found is None else tensors(found), saved_settings=saved_settings(out))


def _write(path: Path, header: Header, trace: Trace | None, ending: Ending) -> None:
    with TraceWriter(path, header) as writer:
        if trace is not None and trace.start is not None:
            writer.start(trace.start)
        for step in () if trace is None else trace.steps:
            writer.step(step)
        if trace is not None and trace.end is not None:
            writer.end(trace.end)
        writer.close(ending)
