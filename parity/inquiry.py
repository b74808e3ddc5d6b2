"""An inquiry into one probe on this machine: its runs, its replays, and the explanation that they end with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.assess import LOG
from parity.errors import ParityError
from parity.explain.explanation import explain
from parity.explain.trials import Trials
from parity.jsonfloat import dumps
from parity.process import interpreter_of, run_alone
from parity.report.explanation import explanation_tree
from parity.report.markdown import render_explanation
from parity.rundir import EXPLANATION, write_whole
from parity.sweep import run_probes
from parity.trainers.registry import can_swap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from parity.explain.explanation import Explanation
    from parity.probe.values import Probe
    from parity.progress import Progress

PAGE = "explanation.md"
MOST = 40
"""Candidates that a search may run."""


def inquire(
    probe: Probe,
    folder: Path,
    *,
    jobs: int,
    most: int = MOST,
    watch: Callable[[Progress], None],
    say: Callable[[str], None],
) -> Explanation:
    """Explains a probe; what was run before in the same folder is not run again.

    Args:
        probe: checked, at one seed; outcomes are not measured.
        folder: its own; gets `explanation.json` and `explanation.md`.
        jobs: cells side by side.
        most: candidates that the search may run.
        watch: called whenever a cell has gone on.
        say: called with a line about what takes time.

    Raises:
        KeyboardInterrupt: the user's, or of a cell.
        ParityError: the folder cannot be written.

    """

    def run(probes: Sequence[Probe], into: Path) -> None:
        if run_probes(probes, into, jobs=jobs, watch=watch, say=say).interrupted:
            raise KeyboardInterrupt

    def replay(asked: Mapping[str, Any], into: Path) -> int:
        say("replaying the steps in question")
        return run_alone("parity.replay.arms", asked, into, log=LOG, python=interpreter_of(probe, say))

    try:
        explained = explain(probe, Trials(probe, folder, run), can_swap=can_swap, replay=replay, most=most)
        tree = explanation_tree(explained)
        write_whole(folder / EXPLANATION, dumps(tree, indent=2) + "\n")
        (folder / PAGE).write_text(render_explanation(tree), encoding="utf-8")
    except OSError as error:
        raise ParityError(f"{folder}: cannot be written ({error.strerror}); name another folder with --out") from None
    return explained
