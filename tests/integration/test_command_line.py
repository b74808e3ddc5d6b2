"""What a user meets at the command line: exit status, one line for a mistake, nothing overwritten."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.integration.running import PARITY, ROOT, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

SELF = {"candidate": 'provider = "mlx-lm-train"', "expect": 'verdict = "identical"'}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored run of one cell."""
    folder: Path = tmp_path_factory.mktemp("run")
    probe = probe_file(folder / "probes" / "self.toml", **SELF)
    done = parity("run", probe, "--steps", "3", "--out", folder / "run", "--json", "-")
    assert done.returncode == 0, done.stderr
    (folder / "stdout.json").write_text(done.stdout)
    (folder / "stderr.txt").write_text(done.stderr)
    return folder


def test_json_on_standard_output_is_json_alone(run: Path) -> None:
    result = json.loads((run / "stdout.json").read_text())
    assert (result["schema"], result["status"]) == (3, 0)
    assert result["expected"] is True
    (probe,) = result["probes"]
    assert (probe["probe"], probe["verdict"], probe["expected"]) == ("probes/self", "identical", True)
    (cell,) = probe["cells"]
    assert (cell["seed"], cell["verdict"], cell["steps"], cell["first_divergence"]) == (1, "identical", 3, None)
    assert cell["metrics"]["loss"] == {"max_abs": 0.0, "max_ulp": 0, "first_step": None, "unequal": 0, "compared": 3}
    assert "1 probe, as expected: identical." in (run / "stderr.txt").read_text()


def test_a_run_keeps_traces_logs_and_reports(run: Path) -> None:
    assert (run / "run" / "report.md").read_text().startswith("✅ **1 probe, as expected: identical.**")
    assert (run / "run" / "results.json").read_text() == (run / "stdout.json").read_text()
    cell = run / "run" / "traces" / "probes" / "self" / "1"
    assert {path.name for path in cell.iterdir()} == {
        "cell.json", "exit-status", "trainer.log", "reference.jsonl", "candidate.jsonl", "reference-again.jsonl",
        "control.json", "trainer-control.log",
    }  # fmt: skip


def test_where_there_is_no_terminal_progress_is_plain_lines(run: Path) -> None:
    lines = (run / "stderr.txt").read_text().splitlines()
    assert lines[:3] == ["[1/1] probes/self, seed 1: identical, bit for bit", "", "1 probe, as expected: identical."]


def test_what_trainers_print_is_in_the_log_and_not_on_the_display(run: Path) -> None:
    said = "Starting training"
    assert said not in (run / "stderr.txt").read_text()
    assert "truncated to 64" in (run / "run" / "traces" / "probes" / "self" / "1" / "trainer.log").read_text()


def test_whole_numbers_alone_can_be_compared_and_written(run: Path) -> None:
    cell = run / "run" / "traces" / "probes" / "self" / "1"
    done = parity("diff", cell / "reference.jsonl", cell / "candidate.jsonl", "--metrics", "tokens", "--json")
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "identical")


def test_two_folders_of_traces_are_compared_and_reported_once(run: Path, tmp_path: Path) -> None:
    cell = run / "run" / "traces" / "probes" / "self" / "1"
    for arm in ("reference", "candidate"):
        (tmp_path / arm).mkdir()
        (tmp_path / arm / "trace.jsonl").write_bytes((cell / f"{arm}.jsonl").read_bytes())
    asked = ("diff", tmp_path / "reference", tmp_path / "candidate", "--report", tmp_path / "report")
    done = parity(*asked)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "identical: bit for bit")
    assert (tmp_path / "report" / "report.md").read_text().startswith("✅ **identical**")
    assert "<h1>" in (tmp_path / "report" / "report.html").read_text()
    again = parity(*asked)
    assert (again.returncode, again.stderr) == (
        2,
        f"parity: --report {tmp_path}/report: has a report.md; name another folder, nothing is overwritten\n",
    )


def test_one_step_altered_in_its_last_bit_is_one_ulp_at_that_step(run: Path, tmp_path: Path) -> None:
    cell = run / "run" / "traces" / "probes" / "self" / "1"
    lines = (cell / "candidate.jsonl").read_text().splitlines()
    row = json.loads(lines[3])
    assert row["step"] == 2
    (bits,) = struct.unpack("<I", struct.pack("<f", row["loss"]))
    (row["loss"],) = struct.unpack("<f", struct.pack("<I", bits ^ 1))
    lines[3] = json.dumps(row)
    (tmp_path / "altered.jsonl").write_text("\n".join(lines) + "\n")
    done = parity("diff", cell / "reference.jsonl", tmp_path / "altered.jsonl", "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["verdict"] == "diverged"
    at = result["first_divergence"]
    assert (at["step"], at["stage"], at["metric"], at["ulp"]) == (2, "loss", "loss", 1)
    assert len(result["deltas"]) == 1


@pytest.mark.parametrize(
    ("keep", "reason"),
    [
        (slice(0, 4), "the arm ended without giving a reason; missing step: only the reference has step 3;"),
        (
            slice(0, 2),
            "the arm ended without giving a reason; no common step: reference has steps 1 to 3, candidate has none;",
        ),
    ],
)
def test_a_trace_that_was_cut_is_never_a_pass(run: Path, tmp_path: Path, keep: slice, reason: str) -> None:
    cell = run / "run" / "traces" / "probes" / "self" / "1"
    lines = (cell / "candidate.jsonl").read_text().splitlines()
    (tmp_path / "cut.jsonl").write_text("\n".join(lines[keep]) + "\n")
    done = parity("diff", cell / "reference.jsonl", tmp_path / "cut.jsonl")
    assert done.returncode == 5
    said = " ".join(done.stdout.split())
    assert f"invalid: incomplete: candidate: {reason} missing metric: trainable_at_end" in said


def test_a_run_without_one_of_its_traces_is_no_pass(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(run / "run"), str(copy)], check=True)
    (copy / "traces" / "probes" / "self" / "1" / "reference-again.jsonl").unlink()
    result = json.loads(parity("report", copy, "--format", "json").stdout)
    assert result["expected"] is False
    assert result["probes"][0]["cells"][0]["verdict"] == "invalid"
    assert parity("report", copy).returncode == 3


def test_nothing_is_overwritten(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (run / "run").rglob("*")}
    done = parity("run", run / "probes" / "self.toml", "--out", run / "run")
    assert done.returncode == 2
    assert done.stderr == f"parity: --out {run}/run: not empty; name a new folder, nothing is overwritten\n"
    assert {path: path.stat().st_mtime_ns for path in (run / "run").rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "candidate.provider=unsloth"], "candidate: unknown provider 'unsloth'; did you mean 'unsloth-zoo'?"),
        (["--set", "candidate.settings.max_grad_valu=1.0"],
         "candidate: unknown setting 'max_grad_valu'; valid: clip_grad_norm, numpy_seed, reseed_after_load"),
        (["--set", "candidate.settings.reseed_after_load=1"],
         "candidate: settings.reseed_after_load must be a bool, not 1"),
        (["--set", "candidate.stages.schedule='mlx-lm'"],
         "candidate: 'mlx-lm-train' cannot take stage 'schedule' from another provider; "
         "valid: adapt, batch, clip, forward, load, loss, update"),
        (["--seeds", "1,1"], "workload.seeds: 1 is listed twice; each seed is one cell"),
        (["--set", "workload.seeds=[]"], "workload.seeds: must have at least 1, not []"),
        (["--set", "workload.steps=0"], "workload.steps: must be greater than or equal to 1, not 0"),
        (["--set", "environment.mlx='>=0.30'"],
         "environment.mlx: must be a release, such as \"2026.5.3\", or a path, such as \"./checkout\", not '>=0.30'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_2(run: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    probe = run / "probes" / "self.toml"
    done = parity("run", probe, "--out", tmp_path / "out", *arguments)
    assert (done.returncode, done.stderr) == (2, f"parity: {probe}: {message}\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seeds", ["", "one", "1,,2", "-1"])
def test_seeds_are_whole_numbers(run: Path, tmp_path: Path, seeds: str) -> None:
    done = parity("run", run / "probes" / "self.toml", "--out", tmp_path / "out", "--seeds", seeds)
    assert (done.returncode, done.stderr) == (2, f"parity: --seeds {seeds}: write whole numbers, as in 1,42\n")


def test_what_is_suggested_as_a_tolerance_passes(tmp_path: Path) -> None:
    for name, loss in (("a", 2.4), ("b", 2.41)):
        (tmp_path / f"{name}.csv").write_text(f"iteration,train_loss\n1,{loss}\n")
    logs = (tmp_path / "a.csv", tmp_path / "b.csv")
    done = parity("diff", *logs)
    assert done.returncode == 1
    suggested = done.stdout.rpartition("loss ")[2].strip()
    assert parity("diff", *logs, "--tolerance", f"loss={suggested}").returncode == 0
    typo = parity("diff", *logs, "--tolerance", "los=1")
    assert (typo.returncode, typo.stderr) == (2, "parity: --tolerance los: not compared; did you mean 'loss'?\n")


def test_a_result_that_could_not_be_written_is_known_before_anything_is_run(run: Path, tmp_path: Path) -> None:
    done = parity("run", run / "probes" / "self.toml", "--out", tmp_path / "out", "--json", tmp_path / "no" / "x.json")
    assert (done.returncode, done.stderr) == (2, f"parity: --json {tmp_path}/no/x.json: no such folder\n")
    assert not (tmp_path / "out").exists()


def test_a_cache_that_cannot_be_made_costs_the_cell_and_not_the_run(run: Path, tmp_path: Path) -> None:
    probe = run / "probes" / "self.toml"
    done = parity("run", probe, "--out", tmp_path / "out", MLX_PARITY_CACHE="/proc/none")
    assert done.returncode == 3
    assert "set MLX_PARITY_CACHE to a different folder" in done.stdout


def test_every_bad_probe_of_a_folder_is_named_before_any_is_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        probe_file(tmp_path / "probes" / f"{name}.toml", candidate='provider = "no"', expect='verdict = "identical"')
    done = parity("run", tmp_path / "probes", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert [line.partition(": unknown")[0] for line in done.stderr.splitlines()] == [
        f"parity: {tmp_path}/probes/{name}.toml: candidate" for name in ("a", "b")
    ]


def test_two_probes_of_one_name_would_share_a_folder(tmp_path: Path) -> None:
    files = [probe_file(tmp_path / part / "probes" / "self.toml", **SELF) for part in ("a", "b")]
    done = parity("run", *files, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr == f"parity: {files[1]}: another probe of this run is also called 'probes/self'; rename one\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "none.jsonl", "none.jsonl"], "parity: none.jsonl: cannot be read (No such file or directory)"),
        (["diff", "pyproject.toml", "Makefile"], "parity: pyproject.toml: neither a trace nor a log"),
        (["report", "probes"], "parity: probes: not the folder of a run: it has no readable plan.json"),
        (["run"], "Usage: parity run"),
        (["run", "none"], "parity: none: cannot be read (No such file or directory)"),
        (["rum"], "Usage: parity"),
    ],
)
def test_wrong_usage_is_exit_2_without_a_traceback(arguments: list[str], message: str) -> None:
    done = parity(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr


def test_a_release_that_cannot_be_installed_is_one_line_and_exit_3(tmp_path: Path) -> None:
    probe = probe_file(tmp_path / "self.toml", environment='mlx = "0.0.99"', **SELF)
    done = parity("run", probe, "--out", tmp_path / "out", MLX_PARITY_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 3
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("[1/1]")]
    assert "cannot be installed: " in line
    assert "mlx" in line
    assert "0.0.99" in line
    assert not list((tmp_path / "cache" / "environments").iterdir())


def test_without_a_compiler_a_cell_is_not_started(tmp_path: Path) -> None:
    probe = probe_file(tmp_path / "self.toml", **SELF)
    done = parity("run", probe, "--out", tmp_path / "out", PATH="/nonexistent")
    assert done.returncode == 3
    assert "g++ is not on the path: MLX builds its CPU kernels with it; apt-get install g++" in done.stdout
    doctor = parity("doctor", PATH="/nonexistent")
    assert doctor.returncode == 3
    assert doctor.stdout.split()[:2] == ["✗", "g++"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_cleanly_and_keeps_what_is_finished(tmp_path: Path, sign: signal.Signals) -> None:
    probe = probe_file(tmp_path / "self.toml", extends="hello", **SELF)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*PARITY, "run", str(probe), "--seeds", "1,2", "--steps", "2", "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heeds_interrupts,  # noqa: PLW1509 - this process has one thread
    )
    first, second = (out / "traces" / tmp_path.name / "self" / seed for seed in ("1", "2"))
    while not (second / "reference.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    children = _children(process.pid)
    assert children
    process.send_signal(sign)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "Interrupted: 0 of 1 probe had ended as expected." in stdout
    assert json.loads((out / "results.json").read_text())["interrupted"] is True
    assert parity("report", out).returncode == 130
    assert '"complete": true' in (first / "candidate.jsonl").read_text()
    assert "stopped from outside" in (second / "reference.jsonl").read_text()
    assert not any(_alive(child) for child in children)


def test_a_reader_that_leaves_costs_no_report_and_changes_no_status(tmp_path: Path) -> None:
    probe = probe_file(tmp_path / "self.toml", extends="hello", **SELF)
    out = tmp_path / "out"
    command = [*PARITY, "run", str(probe), "--steps", "1", "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, "")
    assert json.loads((out / "results.json").read_text())["status"] == 0
    assert (out / "report.html").exists()


def test_a_cell_does_not_outlive_a_parity_that_was_killed(tmp_path: Path) -> None:
    probe = probe_file(tmp_path / "self.toml", extends="hello", **SELF)
    out = tmp_path / "out"
    process = subprocess.Popen([*PARITY, "run", str(probe), "--steps", "500", "--out", str(out)], cwd=ROOT)
    trace = out / "traces" / tmp_path.name / "self" / "1" / "reference.jsonl"
    while not trace.exists():
        assert process.poll() is None
        time.sleep(0.05)
    children = _children(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(map(_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children
    assert not any(map(_alive, children))


def _heeds_interrupts() -> None:
    """A background job of a shell does not, nor does what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children()


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
