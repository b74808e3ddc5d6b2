from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.errors import BadTraceError, ParityError
from parity.rundir import new_run, read_run
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from pathlib import Path


def test_latest_points_at_the_newest_run_and_the_older_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = new_run(None, [PROBE], {}), new_run(None, [PROBE], {})
    assert first != second
    assert (tmp_path / "reports" / "latest").resolve() == (tmp_path / second).resolve()
    assert (first / "plan.json").is_file()


def test_a_folder_called_latest_is_not_ours_to_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports" / "latest").mkdir(parents=True)
    with pytest.raises(ParityError, match="reports/latest: not a link of ours"):
        new_run(None, [PROBE], {})


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ParityError, match="cannot be written"):
        new_run(tmp_path / "file" / "run", [PROBE], {})


def test_seeds_that_were_never_started_are_missing_and_not_passed(tmp_path: Path) -> None:
    result = read_run(new_run(tmp_path / "run", [PROBE], {}))
    assert result.probes[0].cells == ()
    assert not result.expected


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (None, "not the folder of a run: it has no readable plan.json"),
        ("{", "not the folder of a run: it has no readable plan.json"),
        ("[]", "not the folder of a run: it has no readable plan.json"),
        ('{"schema": 9}', "a run of schema 9, this parity reads 2"),
    ],
)
def test_what_is_no_run_is_one_line(tmp_path: Path, plan: str | None, message: str) -> None:
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(BadTraceError) as error:
        read_run(tmp_path)
    assert str(error.value) == f"{tmp_path}: {message}"
