"""What the terminal would show, as text: of two recordings, and of a run."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from parity.gate.sentence import sentence
from parity.judge.diff import diff, recording
from parity.probe.values import ArmName
from parity.report.comparison import print_comparison, print_delta
from parity.report.escape import visible
from parity.report.summary import findings
from parity.report.terminal import print_finding
from parity.trace.cell import cell_folder, read_cell

if TYPE_CHECKING:
    from pathlib import Path

    from parity.gate.result import RunResult
    from parity.judge.comparison import Comparison
    from parity.judge.result import CellResult
    from parity.probe.values import Probe

_WIDTH = 120


def of_comparison(found: Comparison) -> str:
    """The delta table and the verdict, as `parity diff` prints them."""
    console = _console()
    print_comparison(console, found)
    return _text(console)


def of_run(result: RunResult, folder: Path) -> str:
    """The sentence; then each probe that is not as expected, with the command that goes on, and its delta table."""
    console = _console()
    console.print(visible(sentence(result)), markup=False, soft_wrap=True)
    for finding in findings(result):
        console.print()
        print_finding(console, finding)
        _print_deltas(console, finding.probe.probe, finding.probe.shown, folder)
    return _text(console)


def _print_deltas(console: Console, probe: Probe, cell: CellResult | None, folder: Path) -> None:
    if cell is None or cell.verdict is None:
        return
    traces = read_cell(probe, cell.seed, cell_folder(folder, probe, cell.seed)).traces
    reference, candidate = traces.get(ArmName.REFERENCE), traces.get(ArmName.CANDIDATE)
    if reference is not None and candidate is not None:
        console.print()
        print_delta(console, diff(recording(reference), recording(candidate)), cell.verdict)


def _console() -> Console:
    return Console(file=StringIO(), width=_WIDTH, highlight=False, color_system=None, force_terminal=False)


def _text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())
