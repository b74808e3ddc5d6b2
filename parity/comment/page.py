"""What a comment says: the report of a result, or that there is no verdict and why. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.comment.guard import violation
from parity.errors import ExitStatus
from parity.report.escape import APART, escaped
from parity.report.markdown import render_comment

if TYPE_CHECKING:
    from parity.comment.values import Asked
    from parity.gate.result import RunResult

_SHOWN = 300
"""Characters of a reason, which may quote the artifact."""
_COMMAND = re.compile(r"^(?=\s*/)", re.MULTILINE)
"""Of other people's bots, which would take such a line for one of ours."""
_REPLACED = "A verdict that stood here before was of another commit or another attempt, and stands no longer."
_ENDED = {
    "cancelled": "the run was cancelled",
    "timed_out": "the run ran out of time",
    "skipped": "the run was skipped",
    "action_required": "the run waits for somebody's approval",
    "": "it is not known how the run ended",
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """A comment, ready to be posted."""

    body: str
    status: ExitStatus
    """Whether it holds a verdict, and if not, whose fault that is; not which verdict."""
    refusal: str = ""


def written(result: RunResult, asked: Asked) -> Page:
    """The comment for a run; without a verdict where the run itself denies it."""
    if why := _denied(result, asked.conclusion):
        return without_verdict(why, asked)
    report = _COMMAND.sub(APART, render_comment(result).strip())
    page = Page(body=_body(asked, [*_conflict(result, asked.conclusion), report]), status=ExitStatus.EXPECTED)
    if found := violation(page.body, marker=asked.marker, ending=_ending(asked)):
        return without_verdict(f"the report of its results is not fit to be posted: {found}", asked, ExitStatus.BUG)
    return page


def without_verdict(why: str, asked: Asked, status: ExitStatus = ExitStatus.UNDECIDED) -> Page:
    """A comment that takes the place of whatever was said before, and says why it says nothing itself."""
    reason = why if len(why) <= _SHOWN else f"{why[:_SHOWN]}…"
    said = f"❔ **No verdict:** {escaped(reason)}."
    return Page(body=_body(asked, [said, _REPLACED]), status=status, refusal=reason)


def _denied(result: RunResult, conclusion: str) -> str:
    if conclusion not in {"success", "failure"}:
        return _ENDED.get(conclusion, f"the run ended in {conclusion}")
    if conclusion == "failure" and result.status is ExitStatus.EXPECTED:
        return "the run failed, and its results say that everything is as expected"
    return ""


def _conflict(result: RunResult, conclusion: str) -> list[str]:
    """A run that goes on in spite of a finding is no gate, and whoever reads its check should know."""
    if conclusion != "success" or result.status is ExitStatus.EXPECTED:
        return []
    return [
        f"⚠ The run ended in success although its results ask for status {int(result.status)}: its check is no gate."
    ]


def _body(asked: Asked, parts: list[str]) -> str:
    return "\n\n".join([asked.marker, *parts, _ending(asked)]) + "\n"


def _ending(asked: Asked) -> str:
    """The last line, made of numbers and names that were checked to be no more than that."""
    run = f"run {asked.run_id}"
    if asked.server:
        run = f"[{run}]({asked.server}/{asked.repository}/actions/runs/{asked.run_id})"
    said = "which executes that commit's own code: the check to require is the run"
    return f"Of commit `{asked.head_sha}`, by {run}, {said}."
