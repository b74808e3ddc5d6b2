"""Which functions of MLX and mlx-lm are different objects after an arm than before it, whatever they touch.

A patch that an arm leaves behind in training is seen as a contamination of the reference's repetition. One that touches
evaluation or saving alone changes no step, and yet reaches whoever uses the library next in the same process.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = ("mlx", "mlx_lm")


def functions() -> dict[str, object]:
    """Every function of the loaded modules of MLX and mlx-lm, and of their classes, by its dotted name."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] in _PACKAGES]
    return {name: value for module in modules if isinstance(module, ModuleType) for name, value in _of(module)}


def patched(before: dict[str, object]) -> tuple[str, ...]:
    """The names whose functions are different objects now, or gone; sorted.

    Args:
        before: as `functions` returned it.

    """
    now = functions()
    return tuple(sorted(name for name, value in before.items() if now.get(name) is not value))


def _of(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, value in list(vars(module).items()):
        if isinstance(value, type):
            if value.__module__ == module.__name__:
                yield from _of_class(value)
        elif callable(value):
            yield f"{module.__name__}.{name}", value


def _of_class(kind: type) -> Iterator[tuple[str, object]]:
    for name, value in vars(kind).items():
        if callable(value) or isinstance(value, property | staticmethod | classmethod):
            yield f"{kind.__module__}.{kind.__qualname__}.{name}", value
