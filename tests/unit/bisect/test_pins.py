from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from parity.bisect import pins
from parity.bisect.pins import beside, check_package, made_to_fit, used_by
from parity.errors import NotInstallableError, ParityError
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from collections.abc import Mapping

PINNED = replace(PROBE, environment={"mlx": "0.31.0", "transformers": "5.5.0"})


def test_the_arms_use_what_their_providers_say_and_what_the_probe_pins() -> None:
    assert used_by(PINNED, {"mlx_lm", "Unsloth.Zoo"}) == ["mlx", "mlx-lm", "numpy", "transformers", "unsloth-zoo"]


def test_a_package_that_no_arm_uses_is_one_line() -> None:
    with pytest.raises(ParityError) as raised:
        check_package("torch", PROBE, ["mlx", "mlx-lm"])
    assert str(raised.value) == "--package torch: the arms of current/self do not use it; they use mlx, mlx-lm"


def test_beside_it_is_what_the_probe_pins_and_else_what_is_installed() -> None:
    assert beside("transformers", PINNED, ["mlx", "numpy", "no-such-package", "transformers"]) == {
        "mlx": "0.31.0", "numpy": version("numpy"),
    }  # fmt: skip


class Resolver:
    """Knows one release of mlx-lm beside which the good end can be installed."""

    def __init__(self) -> None:
        self.asked: list[tuple[Mapping[str, str], Mapping[str, str]]] = []

    def __call__(self, pins: Mapping[str, str], most: Mapping[str, str]) -> dict[str, str]:
        self.asked.append((pins, most))
        if "mlx-lm" in pins and pins["mlx-lm"] != "0.31.3":
            raise NotInstallableError("environment zoo", "no transformers fits")
        return dict(most) | ({"mlx-lm": "0.31.3"} if "mlx-lm" in most else {})


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    made = Resolver()
    monkeypatch.setattr(pins, "newest_beside", made)
    return made


def test_where_the_good_end_is_installable_nothing_changes(resolver: Resolver) -> None:
    said: list[str] = []
    installed = {"mlx": "0.32.4", "mlx-lm": "0.31.3"}
    assert made_to_fit(installed, "zoo", "1.0", {}, said.append) == installed
    assert said == []
    assert resolver.asked == [({**installed, "zoo": "1.0"}, {})]


def test_where_it_is_not_every_release_is_tried_beside_what_it_can_be_installed_beside(resolver: Resolver) -> None:
    said: list[str] = []
    installed = {"mlx": "0.31.0", "mlx-lm": "0.32.2+mine", "numpy": "2.4.6"}
    fixed = {"mlx": "0.31.0", "zoo": "2.0"}
    fitting = made_to_fit(installed, "zoo", "1.0", fixed, said.append)
    assert fitting == {"mlx": "0.31.0", "mlx-lm": "0.31.3", "numpy": "2.4.6"}
    assert said == ["zoo 1.0 cannot be installed with mlx-lm 0.32.2+mine: every release is tried with mlx-lm 0.31.3"]
    assert resolver.asked[1] == ({"mlx": "0.31.0", "zoo": "1.0"}, {"mlx-lm": "0.32.2", "numpy": "2.4.6"})
