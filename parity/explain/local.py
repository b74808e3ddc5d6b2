"""Explains one probe on this machine: runs the trials and the replay, and writes the explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.errors import NotKeptError
from parity.explain.explanation import explain
from parity.explain.report import explanation_tree
from parity.explain.trials import Trials
from parity.files import write_whole
from parity.jsonfloat import dumps
from parity.report.markdown import render_explanation
from parity.runner.cells import run_cells
from parity.runner.pool import Task, run_alone
from parity.runner.process import interpreter_of
from parity.store.run import EXPLANATION
from parity.trace.cell import LOG
from parity.trainers.registry import can_swap, ownership

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from parity.explain.explanation import Explanation
    from parity.probe.values import Probe
    from parity.runner.progress import Progress

PAGE = "explanation.md"
MOST = 40
"""Most variants that a search may run."""


def explain_locally(
    probe: Probe,
    folder: Path,
    *,
    jobs: int,
    most: int = MOST,
    watch: Callable[[Progress], None],
    say: Callable[[str], None],
) -> Explanation:
    """Explains a probe; trials that the folder holds already are not run again.

    Args:
        probe: checked, at one seed; outcomes are not measured.
        folder: of this explanation; gets `explanation.json` and `explanation.md`.
        jobs: cells to run at a time.
        most: variants that the search may run.
        watch: called with the progress of each cell.
        say: called with a line about what takes time.

    Raises:
        KeyboardInterrupt: the user's, or of a cell.
        ParityError: the folder cannot be written.

    """

    def run(probes: Sequence[Probe], into: Path) -> None:
        run_cells(probes, into, jobs=jobs, watch=watch, say=say)

    def replay(asked: Mapping[str, Any], into: Path) -> int:
        say("replaying the steps in question")
        python = interpreter_of(probe, say)
        return run_alone(
            Task(
                module="parity.lab.replay.arms",
                specification=asked,
                folder=into,
                log=LOG,
                python=python,
                seconds=(2 + len(asked["cuts"])) * probe.seconds,  # it trains an arm for each cut, and two more
            )
        )

    try:
        explained = explain(
            probe,
            Trials(probe, folder, run),
            can_swap=can_swap,
            owners=ownership(probe),
            replay=replay,
            most=most,
        )
        tree = explanation_tree(explained)
        write_whole(folder / EXPLANATION, dumps(tree, indent=2) + "\n")
        write_whole(folder / PAGE, render_explanation(tree))
    except OSError as error:
        raise NotKeptError(f"{folder}: cannot be written ({error.strerror}); name another folder with --out") from None
    return explained
