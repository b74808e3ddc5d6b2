from __future__ import annotations

import pytest

from parity.comment.activity import Activity, Create, Nothing, Update, decide
from parity.comment.values import Comment, marked_run
from tests.unit.comment.made import ASKED, comment, refusal

BODY = refusal("x")
OLD = "<!-- mlx-parity run=122 -->\nold"
NEWER = "<!-- mlx-parity run=124 -->\nnewer"
SAID = Nothing(because="the comment is up to date")


@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ([], Create()),
        ([comment(OLD)], Update(comments=(7,))),
        ([comment(OLD), comment(OLD, id=8)], Update(comments=(7, 8))),
        ([comment(BODY)], SAID),
        ([comment(BODY.replace("\n", "\r\n").rstrip())], SAID),
        ([comment(BODY), comment(OLD, id=8)], Update(comments=(8,))),
        ([comment(NEWER), comment(OLD, id=8)], Nothing(because="the comment is from run 124, which is newer")),
        ([comment(NEWER, author="somebody"), comment(OLD, id=8)], Update(comments=(8,))),
        ([comment(OLD, is_bot=False)], Create()),
        ([comment(OLD, author="github-actions")], Create()),
        ([comment(f" {OLD}")], Create()),
        ([comment("hello")], Create()),
    ],
)
def test_what_is_done(comments: list[Comment], expected: Activity) -> None:
    assert decide(ASKED, BODY, comments) == expected


@pytest.mark.parametrize(
    ("body", "run"),
    [
        ("<!-- mlx-parity run=123 -->\nx", 123),
        ("<!-- mlx-parity run=123 -->\r\nx", 123),
        ("<!-- mlx-parity run=0123 -->", None),
        ("<!-- mlx-parity run=-1 -->", None),
        ("<!-- mlx-parity run=99999999999999999999 -->", None),
        ("<!-- mlx-parity run=٣ -->", None),
        ("<!-- mlx-parity run=1 --> x", None),
        ("x\n<!-- mlx-parity run=1 -->", None),
        ("", None),
    ],
)
def test_a_marker_is_a_first_line(body: str, run: int | None) -> None:
    assert marked_run(body) == run
