"""Lists the releases of a package, from the registry that pip is configured with, and selects a range of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from difflib import get_close_matches

from packaging.version import InvalidVersion, Version

from parity.errors import MachineError, ParityError

_UNREACHED = ("connection error", "connection broken", "timed out", "SSL", "HTTP error", "Could not fetch URL")
"""What pip prints, in verbose mode only, if a registry did not answer."""


def listed(package: str, *, pre: bool) -> list[str]:
    """The releases of a package that can be installed on this machine, the oldest first.

    Args:
        package: its distribution name.
        pre: whether to include pre-releases.

    Raises:
        MachineError: a registry did not answer.
        ParityError: there is no such package, or no release of it for this Python and platform.

    """
    arguments = ["index", "versions", package, "--json", *(["--pre"] if pre else [])]
    done = _pip(*arguments)
    if done.returncode == 0:
        return parsed(done.stdout)
    said = _pip(*arguments, "-vv").stdout
    if failed := [line.strip() for line in said.splitlines() if any(word in line for word in _UNREACHED)]:
        raise MachineError(f"the releases of {package} cannot be listed: {failed[0][:300]}")
    complaint = done.stderr.strip().rpartition("\n")[2].removeprefix("ERROR: ")
    raise ParityError(f"--package {package}: no release of it is listed: {complaint}; see: pip config list")


def parsed(text: str) -> list[str]:
    """The releases in what `pip index versions --json` prints, the oldest first."""
    return sorted(json.loads(text)["versions"], key=Version)


def is_pre(release: str | None) -> bool:
    """Whether a release is a pre-release by its name."""
    version = _version(release)
    return version is not None and version.is_prerelease


def in_range(package: str, releases: list[str], good: str | None, bad: str | None) -> tuple[str, ...]:
    """The releases from good to bad, both included; if good is None from the oldest, if bad is None to the newest.

    Raises:
        ParityError: an end is not listed, the ends are in the wrong order, or they are the same release.

    """
    first = 0 if good is None else _position("--good", package, releases, good)
    last = len(releases) - 1 if bad is None else _position("--bad", package, releases, bad)
    if first > last:
        raise ParityError(f"--good {good} is newer than --bad {bad}; the search goes from good to bad")
    if first == last:
        raise ParityError(f"{_one_end(package, good, bad)}; there is nothing to search")
    return tuple(releases[first : last + 1])


def _one_end(package: str, good: str | None, bad: str | None) -> str:
    if good and bad:
        return f"--good {good} and --bad {bad} are the same release of {package}"
    if good:
        return f"--good {good} is the newest release of {package}"
    return f"--bad {bad} is the oldest release of {package}" if bad else f"{package} has only one release"


def _position(option: str, package: str, releases: list[str], asked: str) -> int:
    """The position of a release, however it is spelt: 2026.05.3 is 2026.5.3."""
    wanted = _version(asked)
    found = next((position for position, each in enumerate(releases) if Version(each) == wanted), None)
    if found is None:
        near = get_close_matches(asked, releases, n=1) or releases[-1:]
        raise ParityError(f"{option} {asked}: {package} has no such release; the nearest is {near[0]}")
    return found


def _version(text: str | None) -> Version | None:
    try:
        return None if text is None else Version(text)
    except InvalidVersion:
        return None


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the pip of this environment, with the user's own configuration."""
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    command = [sys.executable, "-P", "-m", "pip", *arguments]
    return subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True, check=False)
