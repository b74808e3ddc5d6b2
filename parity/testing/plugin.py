"""The pytest plugin: probe files below the folders that `parity_probes` names are tests, one for each seed.

    [tool.pytest.ini_options]
    parity_probes = ["probes"]

Without that line it does nothing. It imports the judge when a probe is collected, and never MLX: a cell is a process
of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.probe.values import Probe

_FOLDERS = "parity_probes"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the option in pytest's own configuration."""
    parser.addini(_FOLDERS, "Folders of probe files that are tests, one for each seed.", type="paths", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Takes a probe file; a file that only sets what others extend is none."""
    folders: list[Path] = parent.config.getini(_FOLDERS)
    if file_path.suffix != ".toml" or not any(file_path.is_relative_to(folder) for folder in folders):
        return None
    from parity.probe.file import is_part  # noqa: PLC0415 - who has no probes does not wait for it

    file: ProbeFile | None = None if is_part(file_path) else ProbeFile.from_parent(parent, path=file_path)
    return file


class NotAsExpectedError(Exception):
    """A probe that is not as expected; the message is what a person reads."""


class ProbeFile(pytest.File):
    """A probe file; each of its seeds is a test."""

    def collect(self) -> Iterator[ProbeTest]:
        """One test a seed; one for all of them if outcomes over seeds are expected.

        Raises:
            CollectError: the probe cannot be used; one line that says why.

        """
        from parity.conduct.probes import checked_probe  # noqa: PLC0415
        from parity.errors import ParityError  # noqa: PLC0415

        try:
            probe = checked_probe(_from_here(self.path), ())
        except ParityError as error:
            raise self.CollectError(f"parity: {error}") from None
        if probe.expect.outcomes:
            yield ProbeTest.from_parent(self, name="all-seeds", probe=probe)
            return
        for seed in probe.workload.seeds:
            at_seed = replace(probe, workload=replace(probe.workload, seeds=(seed,)))
            yield ProbeTest.from_parent(self, name=f"seed-{seed}", probe=at_seed)


class ProbeTest(pytest.Item):
    """A probe at one seed; it passes if the probe's expectation is met."""

    def __init__(self, *, probe: Probe, **more: Any) -> None:
        """Makes a test of a checked probe, at the seeds that it has."""
        super().__init__(**more)
        self.probe = probe

    def runtest(self) -> None:
        """Runs the cell as `parity run` does; the traces of a test that fails are kept.

        Raises:
            NotAsExpectedError: the expectation is not met.
            ParityError: something cannot be run, or cannot be kept.

        """
        from parity.testing.probes import run_checked  # noqa: PLC0415

        out = Path(tempfile.mkdtemp(prefix="parity-"))
        done = run_checked([self.probe], jobs=1, out=out, controls=self.controls())
        is_pending = bool(done.result.pending) and not done.result.lacks
        if not done.expected and not is_pending:
            raise NotAsExpectedError(f"{done}\n\nreport: {done.folder / 'report.html'}")
        shutil.rmtree(out)
        if is_pending:
            pytest.skip("; ".join(each.not_run for each in done.result.pending))

    def controls(self) -> frozenset[tuple[str, int]]:
        """By probe name and seed, its own cell if `parity run` on all selected tests would give that a control."""
        from parity.runner.cells import first_cells  # noqa: PLC0415

        first = first_cells([test.probe for test in self.session.items if isinstance(test, ProbeTest)])
        return first & {(self.probe.name, seed) for seed in self.probe.workload.seeds}

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was found; not where in parity it was said."""
        from parity.errors import ParityError  # noqa: PLC0415

        if isinstance(excinfo.value, NotAsExpectedError):
            return str(excinfo.value)
        if isinstance(excinfo.value, ParityError):
            return f"parity: {excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The heading of a failure."""
        return self.path, None, f"{self.probe.name} {self.name}"


def _from_here(path: Path) -> Path:
    """As a person would type it, so that the command in a failure can be copied."""
    return Path(os.path.relpath(path)) if path.is_relative_to(Path.cwd()) else path
