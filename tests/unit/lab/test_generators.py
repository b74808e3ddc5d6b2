from __future__ import annotations

import random
from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np
import pytest

from parity.lab.generators import Generators

if TYPE_CHECKING:
    from collections.abc import Callable


def seeded() -> dict[str, str]:
    random.seed(1)
    np.random.seed(1)
    mx.random.seed(1)
    return Generators().states()


def test_the_same_seeds_give_the_same_states_and_looking_changes_none() -> None:
    assert seeded() == Generators().states() == seeded()


@pytest.mark.parametrize(
    ("library", "draw"),
    [
        ("python", random.random),
        ("numpy", np.random.random),
        ("numpy", np.random.standard_normal),
        ("mlx", lambda: mx.random.uniform().item()),
    ],
)
def test_a_draw_changes_the_state_of_its_library_alone(library: str, draw: Callable[[], object]) -> None:
    before = seeded()
    draw()
    after = Generators().states()
    assert {name for name in before if before[name] != after[name]} == {library}
