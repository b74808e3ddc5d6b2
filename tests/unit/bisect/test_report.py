from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

from rich.console import Console

from parity.bisect.bisection import Bisection
from parity.bisect.report import print_bisection, print_checkout, render_bisection, render_checkout, sentence
from parity.bisect.search import Answer
from parity.bisect.tester import ReleaseResult
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from tests.unit.bisect.made import LOSS
from tests.unit.made import PROBE

GOOD = ReleaseResult(
    release="1.1", answer=Answer.GOOD, verdict=VerdictKind.IDENTICAL, why="bit for bit", seeds=(1, 42), seconds=61.4
)
BAD = ReleaseResult(
    release="1.3",
    answer=Answer.BAD,
    verdict=VerdictKind.DIVERGED,
    why="from step 1, stage loss",
    seeds=(1,),
    first_divergence=LOSS,
    seconds=30.5,
)
SKIPPED = ReleaseResult(
    release="1.2", answer=Answer.SKIPPED, verdict=VerdictKind.INVALID, why="no module named [b]zoo[/b]"
)
FOUND = Bisection(
    probe=PROBE,
    package="zoo",
    stage=None,
    beside={"numpy": "2.4.6", "mlx": "0.32.4"},
    releases=("1.0", "1.1", "1.2", "1.3", "1.4"),
    tried=(GOOD, BAD),
    last_good=GOOD,
    first_bad=BAD,
    between=(),
    runs=4,
)
SKIPPING = replace(FOUND, tried=(GOOD, SKIPPED, BAD), between=("1.2",), runs=2)


def printed(found: Bisection) -> str:
    console = Console(file=StringIO(), width=100)
    print_bisection(console, found)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_two_neighbours_are_one_sentence() -> None:
    assert sentence(FOUND) == (
        "zoo 1.1 is the last release at which current/self is identical; 1.3 diverges at step 1 · loss · tokens."
    )


def test_what_could_not_be_tested_between_them_is_said() -> None:
    assert sentence(SKIPPING) == (
        "zoo 1.1 is the last testable release at which current/self is identical; "
        "1.3 diverges at step 1 · loss · tokens. The change came with one of these releases: 1.2, 1.3."
    )


def test_with_a_stage_good_is_what_does_not_diverge_there() -> None:
    assert sentence(replace(FOUND, stage=Stage.LOSS)).startswith(
        "zoo 1.1 is the last release at which current/self does not diverge at loss; 1.3 diverges at"
    )


def test_an_end_that_was_not_found_is_asked_for() -> None:
    assert sentence(replace(FOUND, last_good=None)) == (
        "No good release of zoo was found for current/self (2 of 5 releases tried); name one with --good."
    )
    assert sentence(replace(FOUND, last_good=None, first_bad=None)) == (
        "No bad release of zoo was found for current/self (2 of 5 releases tried); name one with --bad."
    )


def test_the_table_has_every_release_that_was_tried() -> None:
    assert [line.rstrip() for line in printed(SKIPPING).splitlines()[2:]] == [
        "zoo  verdict    first divergence            seeds  seconds",
        "1.1  identical  –                               2       61",
        "1.2  skipped    no module named [b]zoo[/b]      –        0",
        "1.3  diverged   step 1 · loss · tokens          1       30",
        "other packages: mlx 0.32.4, numpy 2.4.6",
        "5 releases in range, 2 run, 1 skipped",
    ]


def test_as_json_it_says_the_same() -> None:
    said = json.loads(render_bisection(SKIPPING))
    assert (said["schema"], said["last_good"], said["first_bad"], said["between"]) == (2, "1.1", "1.3", ["1.2"])
    assert (said["runs"], said["releases"], said["package"]) == (2, ["1.0", "1.1", "1.2", "1.3", "1.4"], "zoo")
    assert [each["answer"] for each in said["tried"]] == ["good", "skipped", "bad"]
    assert said["tried"][2]["first_divergence"]["stage"] == "loss"
    assert said["summary"] == sentence(SKIPPING)


def test_a_checkout_is_one_sentence() -> None:
    console = Console(file=StringIO(), width=100)
    for each in (GOOD, BAD, SKIPPED):
        print_checkout(console, replace(each, release="/zoo"), "zoo", "current/self")
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == [
        "good: with zoo from /zoo, current/self is identical",
        "bad: with zoo from /zoo, current/self is diverged, step 1 · loss · tokens",
        "skipped: zoo from /zoo could not be tested: no module named [b]zoo[/b]",
    ]
    assert json.loads(render_checkout(BAD, "zoo", "current/self"))["answer"] == "bad"
