"""Which comment is made, replaced or left, and what the command answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.errors import ExitStatus
from parity.report.json import render_json
from tests.integration.comment.fake_github import REPOSITORY, SHA, TOKEN, Failure, pull, serving
from tests.unit.comment.made import ENDING, archive, refusal, unexpected

if TYPE_CHECKING:
    from tests.integration.comment.conftest import Job

ROOT = Path(__file__).parents[3]
OLD = "<!-- mlx-parity run=122 -->\n\n✅ **All 2 probes as expected: 2 identical.**\n"
EXPECTED = "<!-- mlx-parity run=123 -->\n\n✅ **All 2 probes as expected: 1 identical, 1 diverged as declared."


def test_a_result_is_posted_once(job: Job) -> None:
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    ((method, path, body),) = job.github.writes
    assert (method, path) == ("POST", "/issues/7/comments")
    assert body.startswith(EXPECTED)
    assert body.endswith(f"\n\n{ENDING}\n")
    assert job.said == "pull request 7: comment created\n"
    assert job.comment() == ExitStatus.EXPECTED
    assert job.said == "pull request 7: the comment is up to date\n"
    assert len(job.github.writes) == 1


def test_a_finding_is_posted_and_is_no_failure_of_the_comment(job: Job) -> None:
    job.github.holds(archive(render_json(unexpected())))
    assert job.comment(conclusion="failure") == ExitStatus.EXPECTED
    assert job.bodies[0].startswith("<!-- mlx-parity run=123 -->\n\n❌ **Not as expected, 1 of 1 probe: ")


def test_our_own_comment_is_replaced(job: Job) -> None:
    ours = job.github.comment(OLD)
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert [(method, path) for method, path, _ in job.github.writes] == [("PATCH", f"/issues/comments/{ours}")]
    assert job.bodies[0].startswith(EXPECTED)
    assert job.said == "pull request 7: comment updated\n"


def test_two_comments_of_a_race_are_both_replaced(job: Job) -> None:
    ours = [job.github.comment(OLD), job.github.comment(OLD.replace("122", "121"))]
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert [path for _, path, _ in job.github.writes] == [f"/issues/comments/{each}" for each in ours]


@pytest.mark.parametrize(
    ("login", "kind", "body"),
    [
        ("somebody", "User", OLD),
        ("github-actions[bot]", "User", OLD),
        ("another[bot]", "Bot", OLD),
        ("github-actions[bot]", "Bot", f"as somebody wrote:\n{OLD}"),
        ("github-actions[bot]", "Bot", OLD.replace("122", "0")),
        ("github-actions[bot]", "Bot", "<!-- mlx-parity -->\nAs expected"),
    ],
)
def test_a_comment_of_which_author_or_marker_is_another_is_left_alone(
    job: Job, login: str, kind: str, body: str
) -> None:
    job.github.comment(body, login=login, kind=kind)
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert [(method, path) for method, path, _ in job.github.writes] == [("POST", "/issues/7/comments")]


def test_another_app_can_be_the_author(job: Job) -> None:
    ours = job.github.comment(OLD, login="our-app[bot]")
    job.github.holds(archive())
    assert job.comment("--author", "our-app[bot]") == ExitStatus.EXPECTED
    assert [path for _, path, _ in job.github.writes] == [f"/issues/comments/{ours}"]


def test_a_newer_runs_comment_is_left_alone(job: Job) -> None:
    job.github.comment(OLD.replace("122", "124"))
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert job.github.writes == []
    assert job.said == "pull request 7: the comment is from run 124, which is newer\n"


def test_our_comment_is_found_on_a_later_page(job: Job) -> None:
    job.github.a_page = 2
    for number in range(5):
        job.github.comment(f"comment {number}", login="somebody", kind="User")
    ours = job.github.comment(OLD)
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert [path for _, path, _ in job.github.writes] == [f"/issues/comments/{ours}"]


def test_the_pull_request_is_found_by_its_newest_commit_and_by_nothing_else(job: Job) -> None:
    job.github.a_page = 1
    job.github.pulls = [
        pull(3, "b" * 40),
        pull(4, SHA, state="closed"),
        pull(5, SHA),
        pull(6, SHA, repository="somebody/fork"),
    ]
    job.github.of_commit = [pull(2, "c" * 40), pull(8, SHA), pull(9, SHA, state="closed"), pull(5, SHA)]
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert [path for _, path, _ in job.github.writes] == ["/issues/5/comments", "/issues/8/comments"]


def test_a_commit_that_github_does_not_know_by_itself_is_looked_for_among_the_open_ones(job: Job) -> None:
    job.github.failures = [Failure(f"/commits/{SHA}/pulls", 422)]
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert [path for _, path, _ in job.github.writes] == ["/issues/7/comments"]


def test_without_a_pull_request_there_is_nothing_to_do(job: Job) -> None:
    job.github.pulls = [pull(7, "b" * 40)]
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert job.github.writes == []
    assert job.said == f"no open pull request has {SHA} as its newest commit: nothing to comment on\n"


@pytest.mark.parametrize(
    ("conclusion", "why"),
    [
        ("cancelled", "the run was cancelled"),
        ("timed_out", "the run timed out"),
        ("skipped", "the run was skipped"),
        ("action_required", "the run waits for approval"),
        ("neutral", "the run ended with the conclusion neutral"),
        ("", "it is not known how the run ended"),
    ],
)
def test_only_a_run_that_came_to_its_end_has_a_verdict(job: Job, conclusion: str, why: str) -> None:
    """An old comment says that all is well, and must not stand."""
    ours = job.github.comment(OLD)
    job.github.holds(archive())
    assert job.comment(conclusion=conclusion) == ExitStatus.UNDECIDED
    assert job.github.writes == [("PATCH", f"/issues/comments/{ours}", refusal(why))]


def test_how_the_run_ended_is_asked_too(job: Job) -> None:
    job.github.holds(archive())
    job.github.run["conclusion"] = "failure"
    assert job.command("--run-id", "123", "--head-sha", SHA, "--conclusion", "success") == ExitStatus.UNDECIDED
    assert job.bodies == [refusal("the run ended with the conclusion failure, but --conclusion is success")]


def test_a_run_of_another_commit_is_wrong_usage(job: Job) -> None:
    job.github.run["head_sha"] = "b" * 40
    job.github.holds(archive())
    assert job.comment() == ExitStatus.USAGE
    assert job.github.writes == []
    assert job.erred == f"parity: --head-sha {SHA}: run 123 is for commit {'b' * 40}\n"


def test_the_newest_artifact_of_a_run_that_was_run_again_counts(job: Job) -> None:
    job.github.holds(b"of the first attempt").holds(archive(), id=12)
    assert job.comment() == ExitStatus.EXPECTED
    assert any("/actions/artifacts/12/zip" in request for request in job.github.requests)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("path", ["/runs/123$", "/artifacts$", "/zip", "GET /pulls", "GET /issues", "PATCH"])
def test_what_passes_is_tried_again(job: Job, path: str, status: int) -> None:
    job.github.comment(OLD)
    job.github.holds(archive())
    job.github.failures = [Failure(path, status, times=3)]
    assert job.comment() == ExitStatus.EXPECTED
    assert len(job.github.writes) == 1
    assert job.github.failures[0].times == 0


def test_a_limit_of_requests_is_waited_for(job: Job) -> None:
    job.github.holds(archive())
    job.github.failures = [Failure("POST", 403, times=2)]
    assert job.comment() == ExitStatus.EXPECTED
    assert len(job.github.writes) == 1


def test_a_storage_that_fails_is_asked_again(job: Job) -> None:
    job.github.holds(archive())
    job.github.storage_statuses = [503]
    assert job.comment() == ExitStatus.EXPECTED


def test_results_that_cannot_be_fetched_are_no_verdict(job: Job) -> None:
    job.github.comment(OLD)
    job.github.holds(archive())
    job.github.failures = [Failure("/artifacts$", 500, times=9)]
    assert job.comment() == ExitStatus.UNDECIDED
    why = (
        "the run's results could not be fetched: GET /actions/runs/123/artifacts: "
        "status 500 \\(made to fail with 500\\), 4 times"
    )
    assert job.bodies == [refusal(why)]


def test_a_token_that_may_not_read_artifacts_is_no_verdict_and_wrong_usage(job: Job) -> None:
    job.github.comment(OLD)
    job.github.failures = [Failure("/artifacts$", 403, headers={})]
    assert job.comment() == ExitStatus.USAGE
    why = "GET /actions/runs/123/artifacts: status 403 \\(made to fail with 403\\)"
    assert job.bodies == [refusal(f"the run's results could not be fetched: {why}")]


def test_a_comment_that_may_be_there_is_not_posted_again(job: Job) -> None:
    job.github.holds(archive())
    job.github.failures = [Failure("POST", 500)]
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.github.writes == []
    assert job.erred == "parity: POST /issues/7/comments: status 500 (made to fail with 500)\n"


def test_one_pull_request_that_fails_keeps_no_other_from_its_comment(job: Job) -> None:
    job.github.pulls = [pull(7), pull(8)]
    job.github.holds(archive())
    job.github.failures = [Failure("POST /issues/7", 403, headers={})]
    assert job.comment() == ExitStatus.USAGE
    assert [path for _, path, _ in job.github.writes] == ["/issues/8/comments"]


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("GET /pulls", 500, ExitStatus.UNDECIDED),
        ("GET /pulls", 401, ExitStatus.USAGE),
        ("GET /pulls", 403, ExitStatus.USAGE),
        ("GET /issues", 404, ExitStatus.USAGE),
        ("PATCH", 403, ExitStatus.USAGE),
        ("PATCH", 422, ExitStatus.UNDECIDED),
        ("PATCH", 500, ExitStatus.UNDECIDED),
        ("PATCH", 301, ExitStatus.UNDECIDED),
    ],
)
def test_what_cannot_be_asked_or_posted_is_a_failure_of_the_command(
    job: Job, path: str, status: int, expected: ExitStatus
) -> None:
    job.github.comment(OLD)
    job.github.holds(archive())
    job.github.failures = [Failure(path, status, times=9, headers={"Retry-After": "0"} if status == 500 else {})]
    assert job.comment() == expected
    assert job.github.writes == []
    assert job.erred.count("\n") == 1
    assert f"status {status} (made to fail with {status})" in job.erred


def test_a_pause_that_is_longer_than_a_job_is_not_waited_for(job: Job) -> None:
    job.github.failures = [Failure("GET /pulls", 429, headers={"Retry-After": "3600"})]
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.erred == "parity: GET /pulls: status 429 (made to fail with 429)\n"


def test_a_wrong_token_is_said_without_the_token(job: Job) -> None:
    job.patch.setenv("GITHUB_TOKEN", "ghs-wrong")
    assert job.comment() == ExitStatus.USAGE
    assert "status 401 (Bad credentials)" in job.erred
    assert "ghs-wrong" not in job.said + job.erred


def test_a_token_that_cannot_be_one_is_not_shown(job: Job) -> None:
    job.patch.setenv("GITHUB_TOKEN", "ghs with\nspace")
    assert job.comment() == ExitStatus.USAGE
    assert job.erred == "parity: GITHUB_TOKEN: empty, or with characters that a token cannot have\n"


@pytest.mark.parametrize("name", ["GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN"])
def test_what_the_environment_lacks_is_said(job: Job, name: str) -> None:
    job.patch.delenv(name)
    assert job.comment() == ExitStatus.USAGE
    assert job.erred == (
        f"parity: {name} is not set: run this in a job of GitHub Actions, which sets it (the token: in `env:`)\n"
    )
    assert job.github.requests == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GITHUB_REPOSITORY", "owner", "GITHUB_REPOSITORY 'owner': not an owner and a name, as in owner/name"),
        ("GITHUB_REPOSITORY", "../..", "GITHUB_REPOSITORY '../..': not an owner and a name, as in owner/name"),
        ("GITHUB_API_URL", "api.example", "GITHUB_API_URL: not an HTTP address"),
        ("GITHUB_API_URL", "file:///etc", "GITHUB_API_URL: not an HTTP address"),
        (
            "GITHUB_SERVER_URL",
            "https://x.example)[y](z",
            "GITHUB_SERVER_URL 'https://x.example)[y](z': not an address, as in https://host",
        ),
    ],
)
def test_an_environment_that_cannot_be_is_said(job: Job, name: str, value: str, said: str) -> None:
    job.patch.setenv(name, value)
    assert job.comment() == ExitStatus.USAGE
    assert job.erred == f"parity: {said}\n"
    assert job.github.requests == []


@pytest.mark.parametrize(
    ("run_id", "sha", "said"),
    [
        ("0", SHA, "--run-id 0: not the id of a run, a whole number above 0"),
        ("123", "main", "--head-sha 'main': not a commit, 40 hexadecimal digits in lower case"),
        ("123", "a" * 39 + "\n", "--head-sha '" + "a" * 39 + "\\n': not a commit, 40 hexadecimal digits in lower case"),
    ],
)
def test_what_is_asked_is_checked(job: Job, run_id: str, sha: str, said: str) -> None:
    assert job.command("--run-id", run_id, "--head-sha", sha, "--conclusion", "success") == ExitStatus.USAGE
    assert job.erred == f"parity: {said}\n"
    assert job.github.requests == []


def test_without_a_server_the_run_is_named_and_not_linked(job: Job) -> None:
    job.patch.delenv("GITHUB_SERVER_URL")
    job.github.holds(archive())
    assert job.comment() == ExitStatus.EXPECTED
    assert f"For commit `{SHA}`, from run 123, which executes that commit's own code" in job.bodies[0]


def test_github_that_cannot_be_reached_is_said_in_a_line(job: Job) -> None:
    job.patch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.erred.startswith("parity: GET /commits/")
    assert "GitHub cannot be reached" in job.erred
    assert job.erred.count("\n") == 1


def test_it_runs_where_there_is_no_mlx(tmp_path: Path) -> None:
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"mlx", "mlx_lm", "unsloth_zoo"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from parity.cli import main
main()
"""
    with serving() as github:
        github.holds(archive())
        done = subprocess.run(
            [sys.executable, "-c", code, "comment", "--run-id", "123", "--head-sha", SHA, "--conclusion", "success"],
            cwd=tmp_path,
            env={
                "PYTHONPATH": str(ROOT),
                "GITHUB_API_URL": github.api,
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_TOKEN": TOKEN,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "pull request 7: comment created\n", "")
        assert github.writes[0][2].startswith(EXPECTED)
