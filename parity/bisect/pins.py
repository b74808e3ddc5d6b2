"""The releases of all packages but the searched one: the same in every trial, so that only one thing varies."""

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
    """The names of the packages that the arms run: those that their providers name, and those that the probe pins."""
    return sorted({*_ALWAYS, *map(canonicalize_name, distributions), *probe.environment})


def check_package(package: str, probe: Probe, used: Iterable[str]) -> None:
    """Raises ParityError if neither arm uses a package, since no release of it could change anything."""
    names = list(used)
    if package not in names:
        raise ParityError(f"--package {package}: the arms of {probe.name} do not use it; they use {', '.join(names)}")


def beside(package: str, probe: Probe, used: Iterable[str]) -> dict[str, str]:
    """The releases of the other packages: what the probe pins, and for the rest what is installed here."""
    here = {name: found for name in used if (found := _installed(name))}
    return {name: pin for name, pin in {**here, **probe.environment}.items() if name != package}


def made_to_fit(
    others: Mapping[str, str], package: str, release: str, fixed: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, str]:
    """The releases of the other packages, or the newest that fit if a release cannot be installed with those.

    Args:
        others: the releases of the other packages.
        package: the searched package.
        release: the release of it that must be installable: the good end, whose requirements are the oldest.
        fixed: what the probe pins; it is never changed.
        say: called with a line if something had to change.

    Raises:
        NotInstallableError: no releases fit.

    """
    try:
        newest_beside({**others, package: release}, {})
    except NotInstallableError:
        kept = {name: pin for name, pin in fixed.items() if name != package}
        most = {name: Version(found).public for name, found in others.items() if name not in kept}
        fitting = {**newest_beside({**kept, package: release}, most), **kept}
        changed = [name for name in others if fitting.get(name) != others[name]]
        before, after = (", ".join(f"{name} {each.get(name)}" for name in changed) for each in (others, fitting))
        say(f"{package} {release} cannot be installed with {before}: every release is tried with {after}")
        return fitting
    return dict(others)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
