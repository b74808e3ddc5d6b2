"""The place in a library where a canary puts its fault."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from inspect import getattr_static
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from parity.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def replaced(owner: Any, name: str, change: Callable[[Any], Callable[..., Any]]) -> Iterator[None]:
    """Replaces a function of a library within the context.

    Args:
        owner: a module or a class of the library.
        name: the name of a function or a method.
        change: the library's own function → its replacement.

    Raises:
        UnavailableError: there is no such function, or nothing calls it: a fault that never ran proves nothing.

    """
    where = f"{getattr(owner, '__module__', '')}.{owner.__name__}".lstrip(".")
    own = getattr(owner, name, None)
    if own is None:
        raise UnavailableError(f"the installed release has no {where}.{name}: this canary needs a different seam")
    stands_in, calls = change(own), 0

    @wraps(own)
    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return stands_in(*args, **kwargs)

    is_static = isinstance(getattr_static(owner, name), staticmethod)
    with patch.object(owner, name, staticmethod(counted) if is_static else counted):
        yield
    if not calls:
        raise UnavailableError(f"the installed release never calls {where}.{name}: this canary needs a different seam")
