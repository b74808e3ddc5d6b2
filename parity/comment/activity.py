"""Decides what to do on a pull request, from the comment to post and the comments that exist. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.comment.values import marked_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.comment.values import Asked, Comment


@dataclass(frozen=True, kw_only=True)
class Create:
    """Post the comment."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """Replace these comments: one, or several if two runs once raced."""

    comments: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Leave everything as it is."""

    because: str


Activity = Create | Update | Nothing


def decide(asked: Asked, body: str, comments: Sequence[Comment]) -> Activity:
    """What to do on one pull request.

    A comment is ours if author *and* marker match: anybody can write a marker, and other workflows comment under the
    same name.
    """
    ours = [(run, each) for each in comments if (run := _our_run(each, asked.author)) is not None]
    newest = max((run for run, _ in ours), default=0)
    if newest > asked.run_id:
        return Nothing(because=f"the comment is from run {newest}, which is newer")
    if not ours:
        return Create()
    stale = tuple(each.id for _, each in ours if _text(each.body) != _text(body))
    return Update(comments=stale) if stale else Nothing(because="the comment is up to date")


def _our_run(comment: Comment, author: str) -> int | None:
    return marked_run(comment.body) if comment.is_bot and comment.author == author else None


def _text(body: str) -> list[str]:
    """The lines without what GitHub may change: line ends and trailing space."""
    return [line.rstrip() for line in body.strip().splitlines()]
