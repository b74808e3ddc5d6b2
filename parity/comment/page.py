"""The text of a comment: the report of a result, or that there is no verdict and why. Pure."""

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
"""Characters of a reason at most; it may quote the artifact."""
_COMMAND = re.compile(r"^(?=\s*/)", re.MULTILINE)
"""The start of a line that other people's bots would take for a command."""
_REPLACED = "A verdict that was shown here before belongs to a different commit or attempt, and no longer holds."
_ENDED = {
    "cancelled": "the run was cancelled",
    "timed_out": "the run timed out",
    "skipped": "the run was skipped",
    "action_required": "the run waits for approval",
    "": "it is not known how the run ended",
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """A comment, ready to be posted."""

    body: str
    status: ExitStatus
    """Whether the comment holds a verdict, and if not, whose fault that is; it does not say which verdict."""
    refusal: str = ""


def written(result: RunResult, asked: Asked) -> Page:
    """The comment for a run; without a verdict if the way the run ended contradicts it."""
    if why := _denied(result, asked.conclusion):
        return without_verdict(why, asked)
    report = _COMMAND.sub(APART, render_comment(result).strip())
    page = Page(body=_body(asked, [*_conflict(result, asked.conclusion), report]), status=ExitStatus.EXPECTED)
    if found := violation(page.body, marker=asked.marker, ending=_ending(asked)):
        return without_verdict(f"the report of its results must not be posted: {found}", asked, ExitStatus.BUG)
    return page


def without_verdict(why: str, asked: Asked, status: ExitStatus = ExitStatus.UNDECIDED) -> Page:
    """A comment that replaces an earlier one and says why there is no verdict."""
    reason = why if len(why) <= _SHOWN else f"{why[:_SHOWN]}…"
    said = f"❔ **No verdict:** {escaped(reason)}."
    return Page(body=_body(asked, [said, _REPLACED]), status=status, refusal=reason)


def _denied(result: RunResult, conclusion: str) -> str:
    if conclusion not in {"success", "failure"}:
        return _ENDED.get(conclusion, f"the run ended with the conclusion {conclusion}")
    if conclusion == "failure" and result.status is ExitStatus.EXPECTED:
        return "the run failed, but its results say that everything is as expected"
    return ""


def _conflict(result: RunResult, conclusion: str) -> list[str]:
    """A warning for whoever reads the run's check, if the run succeeds in spite of a finding and so is no gate."""
    if conclusion != "success" or result.status is ExitStatus.EXPECTED:
        return []
    return [f"⚠ The run succeeded although its results call for status {int(result.status)}: its check is not a gate."]


def _body(asked: Asked, parts: list[str]) -> str:
    return "\n\n".join([asked.marker, *parts, _ending(asked)]) + "\n"


def _ending(asked: Asked) -> str:
    """The last line; it consists of numbers and names whose form was checked."""
    run = f"run {asked.run_id}"
    if asked.server:
        run = f"[{run}]({asked.server}/{asked.repository}/actions/runs/{asked.run_id})"
    said = "which executes that commit's own code. The check to require is the run"
    return f"For commit `{asked.head_sha}`, from {run}, {said}."
