"""A provider's name is a claim: what was executed is read off the run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from parity.trace.file import read_trace
from tests.integration.running import ROOT, cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

    from parity.trace.values import Executed

PROVIDERS = {"train": "mlx-lm-train", "zoo": "unsloth-zoo", "pretending": "pretending"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("executed")
    for name, provider in PROVIDERS.items():
        arm = f'provider = "{provider}"'
        probe_file(folder / "probes" / f"{name}.toml", 1, candidate=arm, expect='verdict = "identical"')
    done = parity(
        "run", folder / "probes", "--jobs", "2", "--out", folder / "run", "--json", folder / "out.json", plugin=True
    )
    assert (folder / "out.json").exists(), done.stdout + done.stderr
    return folder


def executed(run: Path, name: str, arm: str) -> dict[str, Executed]:
    start = read_trace(run / "run" / "traces" / "probes" / name / "1" / f"{arm}.jsonl").start
    assert start is not None
    return {each.path: each for each in start.executed}


def test_the_loop_and_mlx_lms_own_train_are_told_apart(run: Path) -> None:
    loop, train = (executed(run, "train", arm)["mlx_lm/tuner/trainer.py"] for arm in ("reference", "candidate"))
    assert loop.digest == train.digest
    assert "train" not in loop.functions
    assert {"default_loss", "iterate_batches"} <= set(loop.functions)
    assert {"train", "train.<locals>.step", "default_loss"} <= set(train.functions)
    assert cells(run / "out.json")["train"]["verdict"] == "identical"


def test_each_library_is_seen_with_its_release_and_mlxs_own_python(run: Path) -> None:
    found = executed(run, "zoo", "candidate")
    owners = {each.distribution.partition(" ")[0] for each in found.values()}
    assert owners == {"mlx", "mlx-lm", "unsloth-zoo"}
    assert any("MLXTrainer" in name for name in found["unsloth_zoo/mlx/trainer.py"].functions)
    assert {"mlx/optimizers/optimizers.py", "mlx/nn/losses.py"} <= found.keys()
    assert not any(each.outside for each in found.values())
    assert "unsloth-zoo" not in {
        each.distribution.partition(" ")[0] for each in executed(run, "zoo", "reference").values()
    }


def test_a_provider_that_pretends_to_be_another_library_is_invalid(run: Path) -> None:
    cell = cells(run / "out.json")["pretending"]
    assert cell["verdict"] == "invalid"
    assert cell["reason"].startswith("both arms executed the same code: ")
    assert "functions of mlx-lm " in cell["reason"]
    assert cell["reason"].endswith("; the candidate executed no code of pretending-trainer")


def test_the_report_holds_it_folded_away(run: Path) -> None:
    page = (run / "run" / "report.md").read_text()
    assert "What the candidate executed, from loading to the end of step 1:" in page
    assert "| unsloth\\_zoo/mlx/trainer.py | unsloth-zoo " in page
    (zoo,) = [each for each in json.loads((run / "out.json").read_text())["probes"] if each["probe"] == "probes/zoo"]
    (file,) = [each for each in zoo["executed"]["candidate"] if each["path"] == "unsloth_zoo/mlx/trainer.py"]
    assert len(file["functions"]) > 5
    assert zoo["provenance"]["device"]["name"]


def test_a_checkout_that_shadows_a_library_is_shown(tmp_path: Path) -> None:
    spec = find_spec("mlx_lm")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    shutil.copytree(spec.submodule_search_locations[0], tmp_path / "checkout" / "mlx_lm")
    trainer = tmp_path / "checkout" / "mlx_lm" / "tuner" / "trainer.py"
    trainer.write_text(trainer.read_text().replace("ntoks = mask.sum()", "ntoks = mask.sum() + 0"))
    arm = 'provider = "mlx-lm-train"'
    probe = probe_file(tmp_path / "self.toml", 1, candidate=arm, expect='verdict = "identical"')
    done = parity("run", probe, "--out", tmp_path / "run", PYTHONPATH=str(tmp_path / "checkout"))
    assert "2 warnings of code that is not the package's own" in done.stdout
    said = " ".join(parity("report", tmp_path / "run", "-v").stdout.split())
    assert f"the candidate executed mlx_lm/cli_ui.py from {tmp_path}/checkout/mlx_lm/cli_ui.py and " in said
    assert "default_loss differs from that release's; is it a patched copy?" in said
    assert "<summary>⚠ upstream: " in (tmp_path / "run" / "report.md").read_text()


def test_watching_changes_no_bit(tmp_path: Path) -> None:
    """The same arm with a watch that never starts."""
    script = tmp_path / "bare.py"
    script.write_text(
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from parity.lab import executed; from parity.lab.arm import run_arm\n"
        "from parity.probe.file import read_probe\n"
        "from parity.probe.values import ArmName\n"
        "if sys.argv[3] == 'bare': executed._profiled = executed._monitored = lambda: list\n"
        "run_arm(read_probe(Path(sys.argv[1])), ArmName.REFERENCE, 1, Path(sys.argv[2]))\n"
    )
    probe = probe_file(tmp_path / "self.toml", candidate='provider = "mlx-lm-train"', expect='verdict = "identical"')
    traces: dict[str, Any] = {}
    for how in ("bare", "watched"):
        subprocess.run([sys.executable, script, probe, tmp_path / f"{how}.jsonl", how], check=True, cwd=ROOT)
        traces[how] = read_trace(tmp_path / f"{how}.jsonl")
    assert traces["bare"].steps == traces["watched"].steps
    assert traces["bare"].end == traces["watched"].end
    assert traces["bare"].start.executed == ()
    assert traces["watched"].start.executed
