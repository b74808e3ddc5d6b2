from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from mlx import nn

from parity.lab.patches import functions, patched

if TYPE_CHECKING:
    import pytest


def test_nothing_is_patched_where_nothing_was() -> None:
    before = functions()
    assert "mlx.nn.layers.base.Module.eval" in before
    assert "mlx.core.eval" in before
    assert patched(before) == ()


def test_a_method_and_a_function_that_are_other_objects_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = functions()
    monkeypatch.setattr(nn.Module, "eval", lambda self: self)
    monkeypatch.setattr(nn.Linear, "__call__", nn.Linear.__call__)
    assert patched(before) == ("mlx.nn.layers.base.Module.eval",)
    monkeypatch.setattr("mlx.nn.losses.cross_entropy", print)
    assert patched(before) == ("mlx.nn.layers.base.Module.eval", "mlx.nn.losses.cross_entropy")


def test_a_function_that_is_gone_is_named_and_a_new_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    before = functions()
    monkeypatch.delattr(nn.Module, "freeze")
    monkeypatch.setattr(nn.Module, "thaw", print, raising=False)
    monkeypatch.setitem(sys.modules, "mlx.imported_later", ModuleType("mlx.imported_later"))
    assert patched(before) == ("mlx.nn.layers.base.Module.freeze",)
