"""Which functions of which files an arm really executed, from loading to the end of step 1.

The name of a provider is only a claim. This records every function that is entered, by its code object, and
touches nothing else, so that no bit can change. Module and class bodies are left out, since they run at the
first import only.

Python 3.12 has `sys.monitoring`, whose callback is called once per function. Older versions use the profiler of
the standard library, which is written in C: `sys.setprofile` with a function of ours takes twice as long. The
profiler is paused during imports, which lowers its cost from 6 % to 1 % of a cell's processor time.
"""

from __future__ import annotations

import builtins
import cProfile
import hashlib
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from inspect import CO_OPTIMIZED
from pathlib import Path
from threading import get_ident
from types import CodeType
from typing import TYPE_CHECKING, Any, Self

from parity.trace.values import Executed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

_ALWAYS = "mlx"
_PROFILERS = (3, 4, 2)
"""Tool identifiers of `sys.monitoring` that have no other purpose, or are meant for a profiler."""


class Watch:
    """Records what this thread executes within the context, or until `stop` is called."""

    def __init__(self, distributions: Iterable[str], adapters: Iterable[str]) -> None:
        """Creates a watch.

        Args:
            distributions: distributions whose files are reported, in addition to MLX's own.
            adapters: modules that contain a provider; ours are left out, since they are the same for every arm.

        """
        self._distributions = sorted({_ALWAYS, *distributions})
        self._adapters = frozenset(name for name in adapters if not name.startswith("parity.trainers."))
        self._codes: Callable[[], Iterable[CodeType]] | None = None
        self._found: tuple[Executed, ...] = ()

    def __enter__(self) -> Self:
        self._codes = _monitored() if hasattr(sys, "monitoring") else _profiled()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> tuple[Executed, ...]:
        """Ends the watch, and returns what was executed."""
        if self._codes is not None:
            codes, self._codes = self._codes(), None
            self._found = tuple(_files(codes, self._distributions, self._adapters))
        return self._found


def _profiled() -> Callable[[], Iterable[CodeType]]:
    """Starts the profiler, and pauses it during imports in this thread: most calls are theirs, none is the arm's."""
    profiler = cProfile.Profile(subcalls=False, builtins=False)
    thread, imports = get_ident(), builtins.__import__
    depth = 0

    def importing(*args: Any, **kwargs: Any) -> Any:
        nonlocal depth
        if get_ident() != thread or depth:
            return imports(*args, **kwargs)
        depth = 1
        profiler.disable()
        try:
            return imports(*args, **kwargs)
        finally:
            depth = 0
            if builtins.__import__ is importing:
                profiler.enable()

    def stop() -> Iterable[CodeType]:
        profiler.disable()
        builtins.__import__ = imports
        return [entry.code for entry in profiler.getstats() if isinstance(entry.code, CodeType)]

    builtins.__import__ = importing
    profiler.enable()
    return stop


def _monitored() -> Callable[[], Iterable[CodeType]]:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    tool = next(number for number in _PROFILERS if monitoring.get_tool(number) is None)
    codes: set[CodeType] = set()

    def entered(code: CodeType, _offset: int) -> Any:
        codes.add(code)
        return monitoring.DISABLE

    def stop() -> Iterable[CodeType]:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)
        return codes

    monitoring.use_tool_id(tool, "parity")
    monitoring.register_callback(tool, monitoring.events.PY_START, entered)
    monitoring.restart_events()  # functions that an earlier arm entered are disabled
    monitoring.set_events(tool, monitoring.events.PY_START)
    return stop


@dataclass(frozen=True, kw_only=True)
class _Installed:
    """A distribution, as its metadata describes it."""

    name: str
    """As a provider spells it, with the release."""
    root: Path
    files: frozenset[str]
    packages: frozenset[str]


def _files(codes: Iterable[CodeType], distributions: Iterable[str], adapters: frozenset[str]) -> Iterator[Executed]:
    functions: dict[str, set[str]] = {}
    for code in codes:
        if code.co_flags & CO_OPTIMIZED:
            functions.setdefault(code.co_filename, set()).add(code.co_qualname)
    owners = {package: found for name in distributions if (found := _find(name)) for package in found.packages}
    modules = _modules()
    told = [(modules[file], file) for file in functions if file in modules]
    for module, file in sorted(told):
        owner = None if module in adapters else owners.get(module.partition(".")[0])
        if owner is not None or module in adapters:
            yield _told(module, Path(file), functions[file], owner)


def _told(module: str, file: Path, functions: Iterable[str], owner: _Installed | None) -> Executed:
    listed = None if owner is None else _listed(file, owner)
    named = f"{module.replace('.', '/')}{'/__init__' if file.name == '__init__.py' else ''}.py"
    return Executed(
        distribution="" if owner is None else owner.name,
        path=listed or named,
        digest=_digest(file),
        functions=tuple(sorted(functions)),
        outside="" if owner is None or listed else str(file),
    )


def _listed(file: Path, owner: _Installed) -> str | None:
    """The path under which a distribution lists a file; None if it does not."""
    resolved = file.resolve()
    if not resolved.is_relative_to(owner.root):
        return None
    path = resolved.relative_to(owner.root).as_posix()
    return path if path in owner.files else None


def _digest(file: Path) -> str:
    try:
        return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
    except OSError:
        return ""


def _modules() -> Mapping[str, str]:
    """By file, the name of the module that was imported from it."""
    named = ((name, vars(module).get("__file__")) for name, module in list(sys.modules.items()) if module is not None)
    return {file: name for name, file in named if isinstance(file, str) and name != "__main__"}


def _find(name: str) -> _Installed | None:
    """None if it is not installed. One that is linked to a checkout lists no files, so all of its files are outside."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    files = frozenset(file.as_posix() for file in found.files or () if file.suffix == ".py")
    packages = frozenset(file.partition("/")[0].removesuffix(".py") for file in files if not file.startswith(".."))
    return _Installed(
        name=f"{name} {found.version}",
        root=Path(str(found.locate_file(""))).resolve(),
        files=files,
        packages=packages or frozenset({name.replace("-", "_")}),
    )
