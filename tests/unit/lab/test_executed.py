from __future__ import annotations

import builtins
import sys
from importlib import import_module
from types import CodeType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from parity.lab.executed import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

SOURCE = """
class Trainer:
    def fit(self):
        return [step() for step in (self._step, lambda: 0)]
    def _step(self):
        return helper()
def helper():
    return 1
def unused():
    return 2
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of one module that a distribution has installed."""
    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up" / "__init__.py").write_text("")
    (tmp_path / "made_up" / "train.py").write_text(SOURCE)
    (tmp_path / "made_up" / "importing.py").write_text("from made_up.train import unused; unused()\n")
    info = tmp_path / "made_up-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.2\n")
    (info / "RECORD").write_text("made_up/__init__.py,,\nmade_up/train.py,,\nmade_up/importing.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module("made_up.train")
    for name in ("made_up", "made_up.train", "made_up.importing"):
        sys.modules.pop(name, None)


def test_functions_that_were_entered_are_told_by_file(library: ModuleType) -> None:
    with Watch(["made-up"], []) as watch:
        library.Trainer().fit()
        (file,) = watch.stop()
    assert (file.distribution, file.path, file.outside) == ("made-up 1.2", "made_up/train.py", "")
    assert {"Trainer.fit", "Trainer._step", "helper"} <= set(file.functions)
    assert "unused" not in file.functions
    assert "Trainer" not in file.functions
    assert len(file.digest) == 16


def test_what_runs_after_the_watch_was_asked_is_not_in_it(library: ModuleType) -> None:
    with Watch(["made-up"], []) as watch:
        library.helper()
        first = watch.stop()
        library.unused()
    assert watch.stop() == first
    assert first[0].functions == ("helper",)


def test_importing_is_no_execution(library: ModuleType) -> None:
    with Watch(["made-up"], []) as watch:
        del sys.modules["made_up.train"]
        import_module("made_up.train")
    assert watch.stop() == ()
    assert library is not None


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="nothing is replaced there")
def test_the_profiler_looks_away_during_imports_and_leaves_nothing_behind(library: ModuleType) -> None:
    before = builtins.__import__
    told: list[Any] = []

    def interrupted() -> None:
        with Watch(["made-up"], []) as watch:
            library.helper()
            import made_up.importing  # type: ignore[import-not-found]  # noqa: F401

            library.Trainer()._step()
            told.append(watch.stop())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert [file.functions for file in told[0]] == [("Trainer._step", "helper")]
    assert builtins.__import__ is before


def test_other_libraries_are_not_told_of(library: ModuleType) -> None:
    with Watch([], []) as watch:
        library.helper()
    assert watch.stop() == ()


def test_a_provider_of_somebody_elses_is_told_apart_from_its_distribution(library: ModuleType) -> None:
    with Watch(["made-up"], ["made_up.train"]) as watch:
        library.helper()
    (file,) = watch.stop()
    assert (file.distribution, file.path) == ("", "made_up/train.py")


def test_a_file_that_shadows_its_distribution_says_where_it_lies(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "checkout" / "made_up"
    away.mkdir(parents=True)
    (away / "__init__.py").write_text("")
    (away / "train.py").write_text(SOURCE)
    for name in ("made_up", "made_up.train"):
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(tmp_path / "checkout"))
    shadow = import_module("made_up.train")
    assert shadow is not library
    with Watch(["made-up"], []) as watch:
        shadow.helper()
    (file,) = watch.stop()
    assert (file.path, file.outside) == ("made_up/train.py", str(away / "train.py"))


def test_a_distribution_that_is_not_installed_is_nothing_to_tell_of() -> None:
    with Watch(["no-such-distribution"], []) as watch:
        pass
    assert watch.stop() == ()


class Monitoring:
    """What `sys.monitoring` of Python 3.12 does for PY_START, with the sticky DISABLE that it has."""

    DISABLE = object()
    events = SimpleNamespace(PY_START=1)

    def __init__(self) -> None:
        self.tools: dict[int, str] = {2: "somebody's profiler", 3: "another"}
        self.disabled: set[CodeType] = set()
        self._callback: Callable[[CodeType, int], Any] | None = None
        self._events = 0

    def get_tool(self, tool: int) -> str | None:
        return self.tools.get(tool)

    def use_tool_id(self, tool: int, name: str) -> None:
        assert tool not in self.tools
        self.tools[tool] = name

    def free_tool_id(self, tool: int) -> None:
        del self.tools[tool]

    def register_callback(self, _tool: int, _event: int, callback: Callable[[CodeType, int], Any]) -> None:
        self._callback = callback

    def restart_events(self) -> None:
        self.disabled.clear()

    def set_events(self, _tool: int, events: int) -> None:
        self._events = events

    def enter(self, function: Any) -> None:
        code = function.__code__
        if self._events and self._callback and code not in self.disabled and self._callback(code, 0) is self.DISABLE:
            self.disabled.add(code)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the real one is tested above")
def test_python_3_12_is_asked_once_a_function_and_again_in_the_next_arm(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitoring = Monitoring()
    monkeypatch.setattr(sys, "monitoring", monitoring, raising=False)
    for _ in ("reference", "candidate"):
        with Watch(["made-up"], []) as watch:
            assert monitoring.tools[4] == "parity"
            monitoring.enter(library.helper)
            monitoring.enter(library.helper)
        assert [file.functions for file in watch.stop()] == [("helper",)]
        assert 4 not in monitoring.tools
