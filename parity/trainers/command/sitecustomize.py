"""Put first on the path of a command that `parity trace` runs: waits for MLX, then installs the tap.

Python imports a module of this name before it runs anything. It changes nothing in a process that never imports MLX;
what is its own goes away again, and a `sitecustomize` that was there before is run as if this were not here. It runs in
the environment of the command, whichever Python that has.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

_ASKED = json.loads(os.environ.get("PARITY_TRACE", "{}"))
_OLDEST = (3, 11)


class _Finder:
    """Finds nothing; sees that MLX is imported."""

    def find_spec(self, name: str, path: Any = None, _target: Any = None) -> Any:
        """As the import system calls it."""
        if name == "mlx":
            _note("mlx", "")
        if name != "mlx.optimizers":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            _after(spec.loader)
        return spec


def _after(loader: Any) -> None:
    """Installs the tap as soon as the module of this loader has run."""
    own = loader.exec_module

    def exec_module(module: Any) -> None:
        del loader.exec_module
        own(module)
        try:
            _install()
        except Exception as error:  # noqa: BLE001 - a training never fails for the tap
            ours = type(error).__name__ == "ParityError"
            _note("why", str(error) if ours else f"{type(error).__name__}: {error}")

    loader.exec_module = exec_module


def _install() -> None:
    if sys.version_info < _OLDEST:
        _note("why", f"Python {sys.version.split()[0]} runs it; the tap needs {'.'.join(map(str, _OLDEST))} or newer")
        return
    theirs = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_parity(name)}
    sys.path.insert(0, _ASKED["package"])
    try:
        import_module("parity.lab.tracing").begin(_ASKED, _note)
    finally:
        sys.path.remove(_ASKED["package"])
        for name in [name for name in sys.modules if _is_parity(name)]:
            del sys.modules[name]
        sys.modules.update(theirs)


def _is_parity(name: str) -> bool:
    return name.partition(".")[0] == "parity"


def _note(kind: str, text: str) -> None:
    """Tells the process that runs the command."""
    try:
        with open(f"{_ASKED['notes']}/{os.getpid()}.{kind}", "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    except OSError:
        pass


def _chain() -> None:
    """Runs the `sitecustomize` that this one hides, in its place."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would take a while to import
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != here]  # noqa: PTH100
    spec = PathFinder.find_spec(__name__, sys.path)
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    sys.modules[__name__] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[__name__])


if _ASKED:
    sys.meta_path.insert(0, _Finder())
_chain()
