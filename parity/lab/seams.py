"""Replaces functions and methods for a time, under every name and in every class that has them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@contextmanager
def replaced(functions: Mapping[Any, Any]) -> Iterator[None]:
    """Within the context, every module that has one of these functions under any name has its replacement.

    A library may have imported it by name: `from mlx.nn import value_and_grad`. Afterwards none has a replacement.

    Args:
        functions: what is there → what replaces it.

    """
    _rebind(functions)
    try:
        yield
    finally:
        _rebind({new: old for old, new in functions.items()})


@contextmanager
def overridden(base: type, name: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """Within the context, a method is changed in a class and in each of its subclasses that has one of its own.

    That includes classes that are made within the context. Afterwards each has its own again.

    Args:
        base: the class at the top.
        name: of the method.
        change: the method → what replaces it.

    """
    own: dict[Any, Any] = {}
    top: Any = base

    def override(kind: Any) -> None:
        if name in vars(kind) and kind not in own:
            own[kind] = vars(kind)[name]
            setattr(kind, name, change(own[kind]))
        for below in type.__subclasses__(kind):
            override(below)

    def made(kind: Any, /, **keywords: Any) -> None:
        super(top, kind).__init_subclass__(**keywords)
        override(kind)

    override(base)
    top.__init_subclass__ = classmethod(made)
    try:
        yield
    finally:
        del top.__init_subclass__
        for kind, method in own.items():
            setattr(kind, name, method)


def _rebind(functions: Mapping[Any, Any]) -> None:
    by_id = {id(old): new for old, new in functions.items()}
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            names = vars(module)  # not `getattr`, at which a lazy module imports what it stands for
            for name, value in [each for each in list(names.items()) if id(each[1]) in by_id]:
                names[name] = by_id[id(value)]
