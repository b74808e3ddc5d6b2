"""Comments a run that has ended on its pull request.

It never fails open: whatever goes wrong on the way to a verdict, an existing comment of ours is replaced by one that
says so, since it may say "As expected" about a different commit.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from parity.comment.activity import Create, Nothing, Update, decide
from parity.comment.artifact import results_text
from parity.comment.page import without_verdict, written
from parity.comment.timeout import TookTooLongError, at_most
from parity.comment.values import ArtifactError, GitHubError
from parity.errors import BadResultError, ExitStatus, ParityError
from parity.report.escape import APART, plain
from parity.store.results import read_result

PATIENCE = 240
"""Seconds for reading a result and writing its report; the largest result that is allowed takes less."""
_SHOWN = 400
"""Characters of a line of the log at most."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.canaries.canary import Canary
    from parity.comment.github import GitHub
    from parity.comment.page import Page
    from parity.comment.values import Asked, PullRequest


def comment_on(asked: Asked, github: GitHub, find: Callable[[str], Canary], say: Callable[[str], None]) -> ExitStatus:
    """Posts, replaces or leaves the comment of every open pull request whose newest commit was tested.

    Args:
        asked: the run.
        github: its repository.
        find: returns a canary by name; raises BadProbeError if there is none.
        say: called with a line about what was done.

    Returns:
        EXPECTED if every comment is now true and holds a verdict, whatever the verdict, or if there is no pull request.
        Otherwise whose fault it is.

    Raises:
        ParityError: the run is for a different commit.
        GitHubError: the pull requests could not be listed, or a comment could not be posted.

    """
    doubt = _doubt(asked, github)
    pulls = github.open_pulls(asked.head_sha)
    if not pulls:
        say(f"no open pull request has {asked.head_sha} as its newest commit: nothing to comment on")
        return ExitStatus.EXPECTED
    page = doubt or _made(asked, github, find, say)
    if page.refusal:
        say(_line(f"no verdict: {page.refusal}"))
    failed: list[ParityError] = []
    for pull in pulls:
        try:
            say(f"pull request {pull.number}: {_act(asked, github, pull, page)}")
        except GitHubError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return page.status


def _doubt(asked: Asked, github: GitHub) -> Page | None:
    """A comment without a verdict if GitHub contradicts the arguments, so that a wrong workflow is noticed; or None."""
    try:
        run = github.run(asked.run_id)
    except GitHubError as error:
        return without_verdict(f"the run could not be looked up: {error}", asked, error.status)
    if run.head_sha != asked.head_sha:
        raise ParityError(f"--head-sha {asked.head_sha}: run {asked.run_id} is for commit {run.head_sha}")
    if run.conclusion not in {None, asked.conclusion}:
        why = f"the run ended with the conclusion {run.conclusion}, but --conclusion is {asked.conclusion or 'empty'}"
        return without_verdict(why, asked)
    return None


def _made(asked: Asked, github: GitHub, find: Callable[[str], Canary], say: Callable[[str], None]) -> Page:
    """The comment. Whatever is wrong with the results, foreseen or not, there is a comment that says so."""
    try:
        archive = github.download(github.artifact(asked.run_id, asked.artifact))
        with at_most(PATIENCE):
            return written(read_result(results_text(archive), find), asked)
    except BadResultError as error:
        return without_verdict(f"the run's results were refused: {error}", asked)
    except ArtifactError as error:
        return without_verdict(str(error), asked)
    except GitHubError as error:
        return without_verdict(f"the run's results could not be fetched: {error}", asked, error.status)
    except TookTooLongError:
        return without_verdict(f"the run's results could not be read within {PATIENCE} seconds", asked)
    except Exception:  # noqa: BLE001 - an old comment must not stay because a new result breaks this tool
        for line in traceback.format_exc(limit=-5).splitlines():
            say(_line(f"| {line}"))
        return without_verdict("this tool failed to read the run's results", asked, ExitStatus.BUG)


def _line(text: str) -> str:
    """A line that a job's log shows as text, whatever it quotes: the runner obeys `##[` anywhere in a line."""
    return plain(text)[:_SHOWN].replace("##[", f"##{APART}[")


def _act(asked: Asked, github: GitHub, pull: PullRequest, page: Page) -> str:
    match decide(asked, page.body, github.comments(pull.number)):
        case Create():
            github.create(pull.number, page.body)
            return "comment created"
        case Update(comments=comments):
            for comment in comments:
                github.update(comment, page.body)
            return "comment updated"
        case Nothing(because=because):
            return because
