"""A run that was killed goes on, and ends as if nothing had happened; what would mix two runs is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.store.lock import working_on
from tests.integration.running import PARITY, ROOT, parity, probe_file

if TYPE_CHECKING:
    from collections.abc import Callable

ONLY = 'verdict = "diverged"\nonly = ["update"]'


def write_probes(folder: Path) -> Path:
    """Three cells of one reference, and a rest."""
    same = 'verdict = "identical"'
    eager = 'provider = "mlx-lm"\nworkload = { compile = false }'
    probe_file(folder / "probes" / "a.toml", candidate='provider = "mlx-lm-train"', expect=same)
    probe_file(folder / "probes" / "b.toml", candidate=eager, expect=same)
    decay = 'provider = "mlx-lm-train"\nworkload = { optimizer.weight_decay = 0.5 }'
    probe_file(folder / "probes" / "c.toml", candidate=decay, expect=ONLY)
    return folder / "probes"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    folder: Path = tmp_path_factory.mktemp("resume")
    done = parity("run", write_probes(folder), "--out", folder / "whole")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def results(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


def cell(run: Path, name: str) -> Path:
    return run / "traces" / "probes" / name / "1"


@pytest.mark.parametrize("moment", ["a/1/candidate.jsonl", "b/1/candidate.jsonl", "c+rest/1/candidate.jsonl"])
def test_a_run_that_was_killed_ends_as_one_that_was_not(whole: Path, tmp_path: Path, moment: str) -> None:
    run = tmp_path / "run"
    command = subprocess.Popen([*PARITY, "run", str(whole / "probes"), "--out", str(run)], cwd=ROOT)
    while command.poll() is None and not (run / "traces" / "probes" / moment).exists():
        time.sleep(0.02)
    command.kill()
    assert command.wait() == -9
    assert parity("report", run).returncode != 0
    done = parity("run", "--resume", run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of 4 cells have ended" in done.stdout
    assert results(run) == results(whole / "whole")


def copied(whole: Path, tmp_path: Path) -> Path:
    """The run without the cell of `b`."""
    run = Path(shutil.copytree(whole / "whole", tmp_path / "run"))
    shutil.rmtree(cell(run, "b"))
    return run


def test_only_what_is_missing_is_run(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path)
    (cell(run, "a") / "control.json").unlink()
    (run / "interrupted").touch()
    before = (cell(run, "a") / "reference.jsonl").stat().st_mtime_ns
    done = parity("run", "--resume", run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{run}: 3 of 4 cells have ended" in done.stdout
    assert results(run) == results(whole / "whole")
    assert (cell(run, "a") / "reference.jsonl").stat().st_mtime_ns == before
    assert not (run / "interrupted").exists()


def test_a_cell_whose_disk_was_full_is_run_again(whole: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(whole / "whole", tmp_path / "run"))
    candidate = cell(run, "a") / "candidate.jsonl"
    candidate.write_bytes(candidate.read_bytes()[:-300])
    (cell(run, "a") / "exit-status").write_text("1\n")
    (cell(run, "a") / "reference-again.jsonl").unlink()
    done = parity("run", "--resume", run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(run) == results(whole / "whole")


def test_two_do_not_work_on_one_run(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path)
    with working_on(run):
        done = parity("run", "--resume", run)
    owner = (run / "lock").read_text().strip()
    assert (done.returncode, done.stderr) == (
        2,
        f"parity: {run}: process {owner} works on this run; wait until it has ended\n",
    )
    assert not cell(run, "b").exists()


def in_header(trace: Path, name: str, key: str, value: str) -> None:
    header, _, rest = trace.read_text().partition("\n")
    tree = json.loads(header)
    tree["provenance"][name][key] = value
    trace.write_text(f"{json.dumps(tree)}\n{rest}")


def other_version(run: Path) -> None:
    in_header(cell(run, "a") / "reference.jsonl", "versions", "mlx-lm", "9.9")


def other_variable(run: Path) -> None:
    in_header(cell(run, "a") / "candidate.jsonl", "environment", "MLX_RANK", "7")


def other_code(run: Path) -> None:
    plan = json.loads((run / "plan.json").read_text())
    plan["inputs"]["parity"] = "0"
    (run / "plan.json").write_text(json.dumps(plan))


def other_data(run: Path) -> None:
    plan = json.loads((run / "plan.json").read_text())
    (data,) = [path for path in plan["inputs"] if path.endswith("train.jsonl")]
    plan["inputs"][data] = "0"
    (run / "plan.json").write_text(json.dumps(plan))


def other_probe(run: Path) -> None:
    plan = json.loads((run / "plan.json").read_text())
    plan["probes"][1]["workload"]["steps"] = 3
    (run / "plan.json").write_text(json.dumps(plan))


def no_probe(run: Path) -> None:
    plan = json.loads((run / "plan.json").read_text())
    plan["probes"][0]["file"] = "gone/a.toml"
    (run / "plan.json").write_text(json.dumps(plan))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_version, "cannot go on, because mlx-lm was 9.9, and is "),
        (other_variable, "cannot go on, because MLX_RANK was 7, and is missing; undo that, or start a new run"),
        (other_code, "cannot go on, because the code of parity is not what it was; undo that"),
        (other_data, "train.jsonl has changed; undo that"),
        (other_probe, "cannot go on, because workload.steps of probe probes/b is not what it was; undo that"),
        (no_probe, "its probe gone/a.toml is not here; resume it in the folder where it was started"),
    ],
)
def test_what_would_mix_two_runs_is_refused(
    whole: Path, tmp_path: Path, change: Callable[[Path], None], said: str
) -> None:
    run = copied(whole, tmp_path)
    change(run)
    done = parity("run", "--resume", run)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"parity: {run}: ")
    assert said in line
    assert not cell(run, "b").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "1"], "--resume RUN: its plan says what is run; leave out --seeds"),
        (["x.toml", "--out", "y"], "--resume RUN: its plan says what is run; leave out PROBES, --out"),
    ],
)
def test_nothing_else_can_be_asked_of_it(whole: Path, words: list[str], said: str) -> None:
    done = parity("run", "--resume", whole / "whole", *words)
    assert (done.returncode, done.stderr.replace(str(whole / "whole"), "RUN")) == (2, f"parity: {said}\n")


def test_what_is_no_run_is_left_as_it_is(tmp_path: Path) -> None:
    done = parity("run", "--resume", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"parity: {tmp_path}: not the folder of a run: it has no readable plan.json\n"
    assert [*tmp_path.iterdir()] == []
    assert (
        "Missing argument 'PROBES...': name probe files or folders of them, or --resume a run." in parity("run").stderr
    )
