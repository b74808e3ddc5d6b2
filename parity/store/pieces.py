"""Whether the folder of a run still holds every piece that a pass rests on.

The plan says before the first cell what that is: cells, repetitions, controls, golden files. A run that was killed, or
a folder of which something was removed, emptied or cut, is then never a pass, whatever the rest says. What a cell must
hold is checked where it is judged; known faults that were not run have a status of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.files import is_file
from parity.golden.folder import KEPT
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from parity.judge.result import ProbeResult
    from parity.store.plan import Plan


def missing_pieces(run: Path, plan: Plan, probes: Sequence[ProbeResult]) -> tuple[str, ...]:
    """What the plan promises and the folder does not hold, in words.

    Args:
        run: its folder.
        plan: its plan.
        probes: as they were judged from that folder.

    """
    return (*_repetitions(plan, probes), *_controls(plan, probes), *_goldens(run, plan))


def _repetitions(plan: Plan, probes: Sequence[ProbeResult]) -> Iterator[str]:
    """A reference that does not repeat itself is repeated until the verdict is decided, or up to the limit."""
    for each in probes:
        for cell in each.cells:
            verdict = cell.verdict
            if verdict is not None and verdict.repetitions < min(verdict.wanted, plan.promised.repetitions):
                yield f"repetition {verdict.repetitions + 1} of {each.probe.name} (seed {cell.seed})"


def _controls(plan: Plan, probes: Sequence[ProbeResult]) -> Iterator[str]:
    """A cell that could not be judged is not trained again."""
    promised = set(plan.promised.controls)
    for each in probes:
        for cell in each.cells:
            judged = cell.verdict is not None and cell.kind is not VerdictKind.NOT_RUN
            if (each.probe.name, cell.seed) in promised and judged and cell.control is None:
                yield f"the control of {each.probe.name} (seed {cell.seed})"


def _goldens(run: Path, plan: Plan) -> Iterator[str]:
    for name in plan.promised.goldens:
        if not is_file(run / KEPT / name):
            yield f"the golden file {name}"
