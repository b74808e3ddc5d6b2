"""A change that does nothing is reported missed, a seam that is gone is no pass; cells run in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from parity.canaries.canary import CANARIES, canary
from parity.canaries.ground import LOOP
from parity.canaries.seam import replaced
from parity.cli import cli
from parity.errors import ExitStatus
from parity.lab.cell import run_cell
from parity.metrics import Stage
from parity.trace.cell import cell_folder, note_exit
from parity.trainers.mlx_lm import loop
from parity.trainers.mlx_lm.loop import MlxLmLoop
from tests.integration.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from click.testing import Result

    from parity.probe.values import Probe
    from parity.trace.cell import Run
    from parity.trainers.protocol import Job, Loaded, Tap


def in_this_process(*_: Any) -> Run:
    def run(probes: Sequence[Probe], into: Path) -> None:
        for probe in probes:
            (seed,) = probe.workload.seeds
            folder = cell_folder(into, probe, seed)
            folder.mkdir(parents=True, exist_ok=True)
            note_exit(folder, 0 if run_cell(probe, seed, folder) else 1)

    return run


@pytest.fixture
def two_that_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    @canary(on=LOOP, stage=Stage.SCHEDULE, step=1)
    class DoesNothing(MlxLmLoop):
        """A change that does nothing."""

    @canary(on=LOOP, stage=Stage.CLIP, step=1)
    class SeamGone(MlxLmLoop):
        """A change of what is no longer there."""

        def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
            with replaced(loop, "_clip_in_the_loop", lambda own: own):
                super().train(loaded, job, tap)

    monkeypatch.setattr("parity.cli.canaries.cells", in_this_process)
    monkeypatch.setattr("parity.cli.run.cells", in_this_process)
    yield
    del CANARIES["does-nothing"], CANARIES["seam-gone"]


def parity(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)], standalone_mode=False, env={"COLUMNS": "200"})


@pytest.mark.usefixtures("two_that_prove_nothing")
def test_a_change_that_does_nothing_is_missed() -> None:
    done = parity("canaries", "--only", "does-nothing")
    assert done.return_value is ExitStatus.UNEXPECTED, done.output
    assert "✗ missed" in done.output
    assert "0 of 1 faults caught" in done.output


@pytest.mark.usefixtures("two_that_prove_nothing")
def test_a_seam_that_is_gone_is_an_error_and_no_pass() -> None:
    done = parity("canaries", "--only", "seam-gone", "--only", "received-scaled")
    assert done.return_value is ExitStatus.NOT_RUN, done.output
    assert "seam-gone could not be run: candidate: the installed release has no" in done.output
    assert "loop._clip_in_the_loop: this canary needs a different seam" in done.output
    assert "1 of 1 faults caught" in done.output


@pytest.mark.usefixtures("two_that_prove_nothing")
def test_a_run_that_misses_a_canary_has_an_exit_status_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "parity.scoreboard.sample.sample", lambda *_: (CANARIES["does-nothing"], CANARIES["received-scaled"])
    )
    run = tmp_path / "run"
    probe = ROOT / "probes" / "current" / "batches.toml"
    done = parity("run", probe, "--seeds", "1", "--steps", "1", "--canaries", "--out", run)
    assert done.return_value is ExitStatus.CANARY_MISSED, done.output
    said = "Do not trust this run: it misjudged does-nothing. 1 probe, as expected: identical."
    assert said in done.output
    again = parity("report", run)
    assert again.return_value is ExitStatus.CANARY_MISSED, again.output
    assert said in again.output
    assert "❌ **Do not trust this run: it misjudged does-nothing." in (run / "report.md").read_text()
