"""In which order cells run, and what they are given; instead of training, a stand-in writes their traces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.probe.values import Arm, ArmName
from parity.runner import cells
from parity.runner.cells import run_cells
from parity.trace.cell import cell_folder, forget_half, read_cell, trace_path
from tests.unit.made import HEADER, PROBE, step
from tests.unit.stored import write_trace

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator

    from parity.probe.values import Probe
    from parity.runner.pool import Task
    from parity.runner.progress import Progress

SHORT = replace(PROBE, workload=replace(PROBE.workload, seeds=(42,), steps=1))
A, B, C = (replace(SHORT, name=name) for name in "abc")
ALONE = replace(SHORT, name="alone", reference=Arm(provider="mlx-lm-train"))


class Lab:
    """Stands in for the processes of the lab: one after the other, as they are taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        self.fails: dict[str, ArmName | OSError] = {}
        """By probe, the arm that kills the process, or why there is none."""
        monkeypatch.setattr(cells, "run_all", self._run_all)
        monkeypatch.setattr(cells, "interpreter_of", lambda *_: Path("/python"))

    def _run_all(
        self, waiting: deque[Task], *, jobs: int, look: Callable[[Task], None]
    ) -> Iterator[tuple[Task, int | OSError]]:
        assert jobs == 1
        while waiting:
            task = waiting.popleft()
            name, fails = task.folder.parent.name, self.fails.get(task.folder.parent.name)
            if isinstance(fails, OSError):
                yield task, fails
                continue
            task.folder.mkdir(parents=True, exist_ok=True)
            had = {path.stem for path in task.folder.glob("*.jsonl")}
            for arm in (arm for arm in ArmName if arm not in had):
                if arm is fails:
                    break
                header = replace(HEADER, probe=name, arm=str(arm), steps=1)
                write_trace(trace_path(task.folder, arm), header, step(1))
                self.events.append(f"{name} {arm}")
                look(task)
            yield task, -9 if isinstance(fails, ArmName) else 0


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(monkeypatch)


def ran(out: Path, *probes: Probe) -> dict[str, str]:
    """By probe, who trained its reference, or why it has no verdict."""
    ended: dict[str, str] = {}

    def watch(progress: Progress) -> None:
        if progress.result is not None:
            result = progress.result
            ended[progress.cell.probe.name] = result.failure or result.lent_by or "itself"

    run_cells(probes, out, jobs=1, watch=watch, say=print)
    assert ended.keys() == {probe.name for probe in probes}
    return ended


def test_one_cell_trains_what_three_compare_with(tmp_path: Path, lab: Lab) -> None:
    assert ran(tmp_path, A, B, C) == {"a": "itself", "b": "a", "c": "a"}
    assert [event for event in lab.events if event.endswith(" reference")] == ["a reference"]
    assert [event for event in lab.events if event.startswith("b")] == ["b candidate", "b reference-again"]


def test_whoever_lends_comes_first_and_lends_while_it_still_runs(tmp_path: Path, lab: Lab) -> None:
    assert ran(tmp_path, ALONE, A, B) == {"alone": "itself", "a": "itself", "b": "a"}
    assert lab.events[:3] == ["a reference", "a candidate", "a reference-again"]

    lent: list[bool] = []
    other = tmp_path / "other"

    def watch(progress: Progress) -> None:
        if progress.cell.probe.name == "a" and progress.result is None:
            lent.append(trace_path(cell_folder(other, B, 42), ArmName.REFERENCE).exists())

    run_cells([A, B], other, jobs=1, watch=watch, say=print)
    assert lent == [False, True, True]


def test_whose_candidate_dies_has_lent_its_reference_all_the_same(tmp_path: Path, lab: Lab) -> None:
    lab.fails["a"] = ArmName.CANDIDATE
    assert ran(tmp_path, A, B) == {"a": "candidate: died of SIGKILL", "b": "a"}


@pytest.mark.parametrize("why", [ArmName.REFERENCE, OSError("no more processes")])
def test_where_a_lender_fails_the_next_cell_trains_it(tmp_path: Path, lab: Lab, why: ArmName | OSError) -> None:
    lab.fails["a"] = why
    said = "no more processes" if isinstance(why, OSError) else "reference: died of SIGKILL"
    assert ran(tmp_path, A, B, C) == {"a": said, "b": "itself", "c": "b"}


def test_a_cell_that_was_given_its_reference_waits_for_nobody_and_lends_nothing(tmp_path: Path, lab: Lab) -> None:
    write_trace(
        trace_path(cell_folder(tmp_path, A, 42), ArmName.REFERENCE), replace(HEADER, probe="a", steps=1), step(1)
    )
    assert ran(tmp_path, A, B) == {"a": "itself", "b": "itself"}
    assert lab.events[0] == "a candidate"


def test_a_rest_is_lent_both_and_says_who_trained_them(tmp_path: Path, lab: Lab) -> None:
    rest = replace(B, name="b+rest", rest_of="b")
    assert ran(tmp_path, A, B, rest) == {"a": "itself", "b": "a", "b+rest": "a"}
    assert [event for event in lab.events if event.startswith("b+rest")] == ["b+rest candidate"]
    assert read_cell(rest, 42, cell_folder(tmp_path, rest, 42)).arms[ArmName.REFERENCE_AGAIN].failure == ""


def test_what_has_ended_is_not_run_again_and_lends_what_it_trained(tmp_path: Path, lab: Lab) -> None:
    ran(tmp_path, A)
    lab.events.clear()
    assert ran(tmp_path, A, B) == {"a": "itself", "b": "a"}
    assert lab.events == ["b candidate", "b reference-again"]


def test_who_borrowed_it_does_not_lend_it(tmp_path: Path, lab: Lab) -> None:
    ran(tmp_path, A, B)
    forget_half(cell_folder(tmp_path, A, 42))
    lab.events.clear()
    assert ran(tmp_path, A, B, C) == {"a": "itself", "b": "a", "c": "a"}
    assert lab.events[0] == "a reference"


def test_the_rest_of_what_has_ended_is_run(tmp_path: Path, lab: Lab) -> None:
    rest = replace(A, name="a+rest", rest_of="a")
    ran(tmp_path, A)
    lab.events.clear()
    assert ran(tmp_path, A, rest) == {"a": "itself", "a+rest": "a"}
    assert lab.events == ["a+rest candidate"]
    lab.events.clear()
    assert ran(tmp_path, A, rest) == {"a": "itself", "a+rest": "a"}
    assert lab.events == []
