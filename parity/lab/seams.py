"""Replaces a function for a time, under every name that a module has for it: `from mlx.nn import value_and_grad`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replaced(own: Any, by: Any) -> Iterator[None]:
    """Within the context, every module that has `own` under any name has `by`; afterwards none has `by`."""
    _rebind(own, by)
    try:
        yield
    finally:
        _rebind(by, own)


def _rebind(old: Any, new: Any) -> None:
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            names = vars(module)  # not `getattr`, at which a lazy module imports what it stands for
            for name in [name for name, value in list(names.items()) if value is old]:
                names[name] = new
