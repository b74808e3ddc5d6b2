"""Who may know whom: the contracts in pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--no-cache"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_arrows_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("judge/diff.py", "import mlx.core", "Only the lab imports MLX or a trainer"),
        ("report/wording.py", "def late() -> None:\n    import unsloth_zoo", "Only the lab imports MLX or a trainer"),
        ("jsonfloat.py", "import mlx_lm", "Only the lab imports MLX or a trainer"),
        ("files.py", "import mlx.core", "Only the lab imports MLX or a trainer"),
        ("golden/file.py", "import mlx.core", "Only the lab imports MLX or a trainer"),
        ("store/collect.py", "import mlx_lm", "Only the lab imports MLX or a trainer"),
        ("probe/hub.py", "import mlx_lm", "Only the lab imports MLX or a trainer"),
        ("runner/cells.py", "import parity.lab.cell", "Only the lab imports MLX or a trainer"),
        ("explain/local.py", "import parity.lab.replay.arms", "Only the lab imports MLX or a trainer"),
        ("gate/sentence.py", "import parity.lab.tap", "Only the lab imports MLX or a trainer"),
        ("trace/cell.py", "import mlx.core", "Only the lab imports MLX or a trainer"),
        ("lab/tap.py", "import pandas", "The lab needs MLX"),
        ("lab/executed.py", "import pandas", "The lab needs MLX"),
        ("canaries/loss.py", "import pydantic", "The lab needs MLX"),
        ("trace/upstream.py", "import rich", "The lab needs MLX"),
        ("trainers/protocol.py", "import click", "The lab needs MLX"),
        ("lab/cell.py", "import parity.probe.hub", "The lab needs MLX"),
        ("judge/verdict.py", "import parity.report.json", "Data goes one way"),
        ("judge/curves.py", "import parity.gate.result", "Data goes one way"),
        ("judge/diff.py", "import parity.lab.tap", "Data goes one way"),
        ("lab/cell.py", "import parity.judge.verdict", "Data goes one way"),
        ("canaries/loss.py", "import parity.judge.verdict", "Data goes one way"),
        ("trainers/protocol.py", "import parity.lab.tap", "Data goes one way"),
        ("trace/values.py", "import parity.trainers.protocol", "Data goes one way"),
        ("golden/drift.py", "import parity.gate.result", "Data goes one way"),
        ("store/results.py", "import parity.comment.artifact", "Data goes one way"),
        ("comment/page.py", "import parity.explain.search", "Data goes one way"),
        ("report/json.py", "import parity.cli", "Data goes one way"),
        ("report/golden.py", "import parity.runner.goldens", "Data goes one way"),
        ("bisect/tester.py", "import parity.explain.search", "Data goes one way"),
        ("runner/cells.py", "import parity.store.run", "Data goes one way"),
        ("errors.py", "import parity.files", "Data goes one way"),
        ("testing/plugin.py", "import mlx.core", "Only the lab imports MLX or a trainer"),
        ("conduct/run.py", "import parity.lab.cell", "Only the lab imports MLX or a trainer"),
        ("conduct/run.py", "import parity.testing.probes", "Data goes one way"),
        ("store/run.py", "import parity.conduct.run", "Data goes one way"),
        ("scoreboard/score.py", "import parity.trainers.registry", "A stored run is judged without asking"),
        ("store/results.py", "import parity.trainers.registry", "A stored run is judged without asking"),
        ("comment/page.py", "import parity.trainers.registry", "A stored run is judged without asking"),
        ("judge/effective.py", "import parity.trainers.registry", "A stored run is judged without asking"),
    ],
)
def test_an_arrow_that_goes_back_is_found(tmp_path: Path, module: str, planted: str, contract: str) -> None:
    shutil.copytree(ROOT / "parity", tmp_path / "parity", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "parity" / module).open("a") as file:
        file.write(f"\n{planted}\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), done.stdout


def test_a_room_that_no_layer_has_is_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "parity", tmp_path / "parity", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "parity" / "elsewhere.py").write_text("")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "elsewhere" in done.stdout


def test_the_judge_runs_where_there_is_no_mlx() -> None:
    code = """
import sys
sys.modules.update(dict.fromkeys(["mlx", "mlx.core", "mlx_lm", "unsloth_zoo"]))
import parity.judge.diff, parity.judge.verdict, parity.judge.result, parity.judge.cell, parity.store.stored
import parity.report.json, parity.report.markdown, parity.report.terminal, parity.cli
from parity.cli import cli
cli(["diff", "fixtures/published/round-bp.csv::delta_loss", "fixtures/published/round-bp.csv::delta_loss"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "identical: bit for bit" in done.stdout, done.stderr
