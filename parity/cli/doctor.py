"""`parity doctor`: whether this machine can run a cell, and whether its device repeats itself bit for bit."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click

from parity.cli.common import console_for
from parity.errors import ExitStatus, ParityError

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("doctor", short_help="Check whether this machine can run probes.")
def doctor_command() -> ExitStatus:
    """Check whether this machine can run probes."""
    from rich.table import Table
    from rich.text import Text

    findings = examine()
    table = Table(box=None, show_header=False)
    for finding in findings:
        mark = Text("✓", style="green") if finding.fit else Text("✗", style="bold red")
        table.add_row(mark, finding.what, Text(finding.said))
    console_for().print(table)
    return ExitStatus.EXPECTED if all(finding.fit for finding in findings) else ExitStatus.NOT_RUN


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was checked."""

    what: str
    fit: bool
    said: str


def examine() -> list[Finding]:
    """Checks the compiler first, then MLX and its device, then every provider."""
    return [_compiler(), _mlx(), *_providers()]


def _compiler() -> Finding:
    from parity.runner.kernels import missing_compiler

    complaint = missing_compiler()
    return Finding(what="g++", fit=not complaint, said=complaint or shutil.which("g++") or "not needed here")


def _mlx() -> Finding:
    try:
        from parity.lab.provenance import provenance
    except ImportError as error:
        return Finding(what="mlx", fit=False, said=f"cannot be imported ({error}); run: make setup")
    found = provenance(())
    device = found["device"]
    rule = "deterministic: bit for bit" if device["deterministic"] else "not deterministic: a noise floor is measured"
    return Finding(what="mlx", fit=True, said=f"{found['versions'].get('mlx')} on {device['type']}, {rule}")


def _providers() -> Iterator[Finding]:
    from parity.trainers.registry import provider, provider_names

    for name in provider_names():
        try:
            provider(name).check_installed()
        except ParityError as error:
            yield Finding(what=name, fit=False, said=str(error))
        else:
            yield Finding(what=name, fit=True, said=_releases(name))


def _releases(name: str) -> str:
    """`unsloth-zoo 2026.10.7, mlx-lm 0.32.2`."""
    from parity.trainers.registry import provider

    found = []
    for distribution in provider(name).distributions:
        with suppress(PackageNotFoundError):
            found.append(f"{distribution} {version(distribution)}")
    return ", ".join(found) or "installed"
