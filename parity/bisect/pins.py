"""The releases of everything that is not searched: the same in every trial, so that one thing varies."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from parity.errors import NotInstallableError, ParityError
from parity.runner.environments import newest_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from parity.probe.values import Probe

_ALWAYS = ("mlx", "numpy")


def used_by(probe: Probe, distributions: Iterable[str]) -> list[str]:
    """The packages that the arms run, by name: what their providers say, and what the probe pins."""
    return sorted({*_ALWAYS, *map(canonicalize_name, distributions), *probe.environment})


def check_package(package: str, probe: Probe, used: Iterable[str]) -> None:
    """Raises ParityError where neither arm uses a package: no release of it could change anything."""
    names = list(used)
    if package not in names:
        raise ParityError(f"--package {package}: the arms of {probe.name} do not use it; they use {', '.join(names)}")


def beside(package: str, probe: Probe, used: Iterable[str]) -> dict[str, str]:
    """What the probe pins, and of the rest what is installed here."""
    here = {name: found for name in used if (found := _installed(name))}
    return {name: pin for name, pin in {**here, **probe.environment}.items() if name != package}


def made_to_fit(
    others: Mapping[str, str], package: str, release: str, fixed: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, str]:
    """The same, or where a release cannot be installed beside them, the newest that it can be installed beside.

    Args:
        others: what should be beside it.
        package: what is searched.
        release: of the package, the one that must be installable: the good end, whose needs are the oldest.
        fixed: what the probe pins, which stays.
        say: called with a line where something had to change.

    Raises:
        NotInstallableError: nothing fits.

    """
    try:
        newest_beside({**others, package: release}, {})
    except NotInstallableError:
        kept = {name: pin for name, pin in fixed.items() if name != package}
        most = {name: Version(found).public for name, found in others.items() if name not in kept}
        fitting = {**newest_beside({**kept, package: release}, most), **kept}
        changed = [name for name in others if fitting.get(name) != others[name]]
        before, after = (", ".join(f"{name} {each.get(name)}" for name in changed) for each in (others, fitting))
        say(f"{package} {release} cannot be installed beside {before}: every release is tried beside {after}")
        return fitting
    return dict(others)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
