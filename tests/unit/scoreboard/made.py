"""Canaries and scores that are made up; each call names what it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from parity.canaries.canary import Canary
from parity.canaries.ground import LOOP
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from parity.scoreboard.score import Identical, Score, Scoreboard, score
from tests.unit.made import cell, divergence

if TYPE_CHECKING:
    from parity.judge.verdict import FirstDivergence


def canary(name: str = "rate-up", **changed: Any) -> Canary:
    made = Canary(
        name=name, fault="Learning rate × 1.01", on=LOOP, make=object, stage=Stage.SCHEDULE, step=1, outlives=False
    )
    return replace(made, **changed)


HARMLESS = canary("mask-in-float32", fault="The mask in float32", stage=None, step=None)


def at(stage: Stage = Stage.SCHEDULE, step: int = 1) -> FirstDivergence:
    return divergence(step, stage, "lr")


CAUGHT = score(canary(), cell(1, VerdictKind.DIVERGED, at()))
ELSEWHERE = score(canary("rate-late"), cell(1, VerdictKind.DIVERGED, at(Stage.UPDATE, 2)))
MISSED = score(canary("rate-down"), cell(1))
QUIET = score(HARMLESS, cell(1))
ALARM = score(HARMLESS, cell(1, VerdictKind.DIVERGED, at(Stage.LOSS)))
NOT_RUN = score(canary("rate-gone"), replace(cell(1), verdict=None, failure="candidate: there is no such seam"))


def board(*scores: Score, **changed: Any) -> Scoreboard:
    return replace(Scoreboard(scores=scores, identical=Identical(cells=2)), **changed)
