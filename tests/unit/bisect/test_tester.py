from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from parity.bisect.search import Answer
from parity.errors import MachineError
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from tests.unit.bisect.made import BAD, BROKEN, GOOD, LOSS, FakeLab, made_tester
from tests.unit.made import cell

if TYPE_CHECKING:
    from pathlib import Path


def test_good_is_good_at_every_seed(tmp_path: Path) -> None:
    lab = FakeLab({"1.0": GOOD})
    tried = made_tester(tmp_path, lab).test("1.0")
    assert (tried.answer, tried.verdict, tried.seeds) == (Answer.GOOD, VerdictKind.IDENTICAL, (1, 42))
    assert lab.ran == [("1.0", (1,)), ("1.0", (42,))]


def test_after_a_seed_that_is_bad_no_other_is_asked(tmp_path: Path) -> None:
    lab = FakeLab({"1.0": BAD})
    tried = made_tester(tmp_path, lab).test("1.0")
    assert (tried.answer, tried.first_divergence, tried.seeds) == (Answer.BAD, LOSS, (1,))


def test_one_bad_seed_is_enough(tmp_path: Path) -> None:
    tried = made_tester(tmp_path, FakeLab({"1.0": [GOOD, BAD]})).test("1.0")
    assert (tried.answer, tried.seeds) == (Answer.BAD, (1, 42))


def test_a_divergence_outranks_a_seed_that_could_not_be_run(tmp_path: Path) -> None:
    tried = made_tester(tmp_path, FakeLab({"1.0": [BROKEN, BAD]}), together=2).test("1.0")
    assert tried.answer is Answer.BAD


def test_what_a_tolerance_or_the_noise_floor_covers_is_good(tmp_path: Path) -> None:
    assert made_tester(tmp_path, FakeLab({"1.0": cell(1, VerdictKind.WITHIN)})).test("1.0").answer is Answer.GOOD


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("no numpy fits", "not installable: no numpy fits"),
        (BROKEN, "candidate: no module named [b]zoo[/b]"),
        (cell(1, VerdictKind.INVALID), "because"),
        (cell(1, VerdictKind.INCONCLUSIVE), "because"),
    ],
)
def test_what_cannot_be_judged_is_skipped_with_its_reason(tmp_path: Path, said: object, why: str) -> None:
    tried = made_tester(tmp_path, FakeLab({"1.0": said})).test("1.0")  # type: ignore[dict-item]
    assert (tried.answer, tried.why) == (Answer.SKIPPED, why)


@pytest.mark.parametrize(("stage", "answer"), [(Stage.LOSS, Answer.BAD), (Stage.FORWARD, Answer.GOOD)])
def test_with_a_stage_bad_is_what_first_diverges_there(tmp_path: Path, stage: Stage, answer: Answer) -> None:
    tried = made_tester(tmp_path, FakeLab({"1.0": BAD}), stage=stage).test("1.0")
    assert (tried.answer, tried.verdict) == (answer, VerdictKind.DIVERGED)


def test_a_cell_that_ended_is_not_run_again_and_one_that_was_killed_is(tmp_path: Path) -> None:
    lab = FakeLab({"1.0": GOOD})
    made_tester(tmp_path, lab).test("1.0")
    (tmp_path / "1.0" / "traces" / "current" / "self" / "42" / "exit-status").write_text("-9\n")
    made_tester(tmp_path, lab).test("1.0")
    # Nothing was traced by this lab: at seed 1 the kept cell says so, and no other seed is asked.
    assert lab.ran == [("1.0", (1,)), ("1.0", (42,))]
    made_tester(tmp_path, lab, together=2).test("1.0")
    assert lab.ran[2:] == [("1.0", (42,))]


def test_a_full_disk_is_not_blamed_on_a_release(tmp_path: Path) -> None:
    full = replace(BROKEN, failure="candidate: OSError: [Errno 28] No space left on device (after step 1 of 3)")
    with pytest.raises(MachineError, match="No space left on device; free space, or name another folder with --out"):
        made_tester(tmp_path, FakeLab({"1.0": full})).test("1.0")
    assert not list((tmp_path / "1.0").rglob("exit-status"))
