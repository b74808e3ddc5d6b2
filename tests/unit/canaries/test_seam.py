"""A fault that was never put in proves nothing: a seam that is gone, or is never called, is an arm that did not run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from parity.canaries.seam import replaced
from parity.errors import UnavailableError


class Library:
    bound = 1.0

    def scaled(self, value: float) -> float:
        return value * self.bound

    @staticmethod
    def decays(name: str) -> bool:
        return "norm" not in name


def twice(own: Any) -> Any:
    return lambda library, value: 2 * own(library, value)


def test_a_method_is_replaced_for_a_time() -> None:
    with replaced(Library, "scaled", twice):
        assert Library().scaled(3.0) == 6.0
    assert Library().scaled(3.0) == 3.0


def test_a_static_method_stays_one() -> None:
    with replaced(Library, "decays", lambda _own: lambda _name: True):
        assert Library().decays("norm")
        assert Library.decays("norm")
    assert not Library().decays("norm")


def test_a_function_of_a_module_is_replaced() -> None:
    module = SimpleNamespace(__name__="library.trainer", clip=abs)
    with replaced(module, "clip", lambda own: lambda value: own(value) + 1):
        assert module.clip(-2) == 3
    assert module.clip is abs


def test_a_seam_that_is_gone_is_unavailable() -> None:
    missing = "has no tests.unit.canaries.test_seam.Library.clipped: this canary needs a different seam"
    with pytest.raises(UnavailableError, match=missing), replaced(Library, "clipped", twice):
        pytest.fail("nothing is run without the fault")


def test_a_seam_that_nothing_calls_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="never calls"), replaced(Library, "scaled", twice):
        pass


def test_an_error_of_the_trainer_is_its_own() -> None:
    with pytest.raises(RuntimeError, match="out of memory"), replaced(Library, "scaled", twice):
        raise RuntimeError("out of memory")
    assert Library().scaled(3.0) == 3.0
