"""`parity comment`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from parity.errors import ParityError

if TYPE_CHECKING:
    from parity.errors import ExitStatus


@click.command("comment", short_help="Post a workflow run's result on its pull request.")
@click.option("--run-id", required=True, type=int, help="The workflow run that has the results.")
@click.option("--head-sha", required=True, help="The commit of the pull request that it tested.")
@click.option("--conclusion", required=True, help="How the run ended, as GitHub says: success, failure, cancelled, …")
@click.option("--artifact", default="parity-results", show_default=True, help="The artifact that holds results.json.")
@click.option(
    "--author", default="github-actions[bot]", show_default=True, help="The login that posts the token's comments."
)
def comment_command(run_id: int, head_sha: str, conclusion: str, artifact: str, author: str) -> ExitStatus:
    """Post the result of a finished workflow run on its pull request; for a job on workflow_run.

    The results are not trusted: they must follow from their own cells, and are rendered here. If there is no verdict,
    the comment says so. GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL come from the environment.

    The exit status says whether there is a comment with a verdict, not which: 0 if so, or if there is no pull request.
    """
    from parity.canaries.catalogue import find
    from parity.comment.github import GitHub
    from parity.comment.posting import comment_on
    from parity.comment.values import Asked

    asked = Asked(
        repository=_environment("GITHUB_REPOSITORY"),
        run_id=run_id,
        head_sha=head_sha,
        conclusion=conclusion,
        artifact=artifact,
        author=author,
        server=os.environ.get("GITHUB_SERVER_URL", "").rstrip("/"),
    )
    with GitHub(_environment("GITHUB_API_URL"), asked.repository, _environment("GITHUB_TOKEN")) as github:
        return comment_on(asked, github, find, click.echo)


def _environment(name: str) -> str:
    """A variable that every job of GitHub Actions has; the token only if the job passes it on."""
    if value := os.environ.get(name, ""):
        return value
    raise ParityError(f"{name} is not set: run this in a job of GitHub Actions, which sets it (the token: in `env:`)")
