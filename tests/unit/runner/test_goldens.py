from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from parity.errors import BadGoldenError
from parity.golden.file import golden_name
from parity.runner import goldens
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from parity.runner.pool import Task


@pytest.mark.parametrize("replaces", [False, True])
def test_a_golden_that_cannot_be_read_stops_before_anything_is_run_unless_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    path = tmp_path / "linux-x86_64-cpu" / golden_name(PROBE.name, 1)
    path.parent.mkdir()
    path.write_text("loss,1")
    ran: list[str] = []

    def run_all(tasks: Iterable[Task], *_: object, **__: object) -> list[object]:
        ran.extend(task.module for task in tasks)
        return []

    monkeypatch.setattr(goldens, "run_all", run_all)
    monkeypatch.setattr(goldens, "interpreter_of", lambda *_: path)
    found = goldens.record([PROBE], tmp_path, jobs=1, replaces=replaces, say=lambda _: None)
    if replaces:
        assert list(found) == []
        assert ran == ["parity.lab.cell"] * len(PROBE.workload.seeds)
        return
    with pytest.raises(BadGoldenError, match=r"current-self-1\.txt: not a golden"):
        list(found)
    assert ran == []
