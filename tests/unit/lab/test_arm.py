"""An arm that was stopped says so, whatever the library that it was stopped in makes of it."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, NoReturn

import pytest

from parity.lab import arm, entry
from parity.probe.values import Arm, ArmName, Expectation, Probe, VerdictKind, Workload
from parity.trace.file import read_trace

if TYPE_CHECKING:
    from pathlib import Path

ARM = Arm(provider="mlx-lm")
PROBE = Probe(
    name="current/self",
    question="?",
    workload=Workload(model="m", data="d", seeds=(1,)),
    reference=ARM,
    candidate=ARM,
    expect=Expectation(verdict=VerdictKind.IDENTICAL),
)


def test_an_import_that_turns_a_stop_into_an_error_of_its_own_is_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def imports(*_: object) -> NoReturn:
        try:
            entry._interrupted(signal.SIGTERM, None)
        except KeyboardInterrupt:
            raise ImportError("a compiled module of somebody else's") from None

    monkeypatch.setattr(arm, "job_of", imports)
    fresh = threading.Event()
    monkeypatch.setattr(arm, "stopped", fresh)
    monkeypatch.setattr(entry, "stopped", fresh)
    path = tmp_path / "reference.jsonl"
    with pytest.raises(KeyboardInterrupt):
        arm.run_arm(PROBE, ArmName.REFERENCE, 1, path)
    assert read_trace(path).ending.why == "KeyboardInterrupt: stopped from outside"
