"""Results, archives and what is asked; each call names what it changes."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.catalogue import find
from parity.comment.values import Asked, Comment
from parity.gate.result import RunResult
from parity.judge.effective import Difference
from parity.metrics import Stage
from parity.probe.values import ArmName, Expectation, VerdictKind
from parity.report.json import render_json
from parity.scoreboard.score import Identical, Scoreboard, score
from parity.trace.values import Executed
from tests.unit.made import PROBE, divergence, judged
from tests.unit.made import probe_result as made_result

if TYPE_CHECKING:
    from parity.judge.result import CellResult, ProbeResult
    from parity.judge.verdict import FirstDivergence

SHA = "a" * 40
ASKED = Asked(
    repository="owner/trainer",
    run_id=123,
    head_sha=SHA,
    conclusion="success",
    artifact="parity-results",
    server="https://code.example",
)
ENDING = (
    f"For commit `{SHA}`, from [run 123](https://code.example/owner/trainer/actions/runs/123), which executes that "
    "commit's own code. The check to require is the run."
)
AT = divergence(2, Stage.LOSS, "loss")
STEPS = 4


def refusal(why: str) -> str:
    """A whole comment without a verdict."""
    return (
        f"<!-- mlx-parity run=123 -->\n\n❔ **No verdict:** {why}.\n\n"
        "A verdict that was shown here before belongs to a different commit or attempt, and no longer holds.\n\n"
        f"{ENDING}\n"
    )


def cell(seed: int, at: FirstDivergence | None = None) -> CellResult:
    """One that also says what was executed, and which setting differs."""
    made = judged(seed, at, steps=STEPS)
    file = Executed(distribution="mlx-lm 0.31.3", path="mlx_lm/tuner/trainer.py", digest="ab", functions=("train",))
    return replace(
        made,
        provenance={**made.provenance, "environment": {"MLX_THREADS": "2"}},
        executed={ArmName.REFERENCE: (file,), ArmName.CANDIDATE: (file,)},
        differences=(Difference(name="clip.bound", reference=0.0, candidate=1.0, declared=True),),
    )


def probe_result(*cells: CellResult, **changed: Any) -> ProbeResult:
    return made_result(*cells, workload=replace(PROBE.workload, steps=STEPS), **changed)


def result(*probes: ProbeResult) -> RunResult:
    """As expected: one identical, one diverged as declared, and one known fault caught."""
    declared = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.LOSS, because="the pad is left out")
    seen = replace(AT, step=1, stage=Stage.CLIP, metric="clipped_norm")
    scores = (score(find("not-clipped"), cell(1, seen)),)
    return RunResult(
        probes=probes
        or (
            probe_result(cell(1), cell(42)),
            probe_result(cell(1, AT), cell(42, AT), name="current/strict", expect=declared),
        ),
        canaries=Scoreboard(scores=scores, identical=Identical(cells=2), seconds=1.5),
    )


def unexpected() -> RunResult:
    """The loss parts where it should not."""
    return result(probe_result(cell(1), cell(42, AT)))


def document(made: RunResult | None = None) -> dict[str, Any]:
    """What `results.json` holds of it."""
    tree: dict[str, Any] = json.loads(render_json(made or result()))
    return copy.deepcopy(tree)


def archive(
    text: str | bytes | None = None, *, name: str = "results.json", method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """As `upload-artifact` makes one of a single file; by default of a result that is as expected."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as made:
        made.writestr(name, render_json(result()) if text is None else text)
    return held.getvalue()


def comment(body: str, **changed: Any) -> Comment:
    made = Comment(id=7, author="github-actions[bot]", is_bot=True, body=body)
    return replace(made, **changed)
