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
        ("diff.py", "import mlx.core", "The judge never imports MLX or a trainer"),
        (
            "report/wording.py",
            "def late() -> None:\n    import unsloth_zoo",
            "The judge never imports MLX or a trainer",
        ),
        ("jsonfloat.py", "import mlx_lm", "The judge never imports MLX or a trainer"),
        ("scoreboard/score.py", "import parity.trainers.registry", "The judge never imports MLX or a trainer"),
        ("reported.py", "import mlx.core", "The judge never imports MLX or a trainer"),
        ("golden/file.py", "import mlx.core", "The judge never imports MLX or a trainer"),
        ("lineage.py", "import mlx_lm", "The judge never imports MLX or a trainer"),
        ("tap.py", "import pandas", "The lab needs MLX"),
        ("canaries/loss.py", "import parity.verdict", "The lab needs MLX"),
        ("executed.py", "import pandas", "The lab needs MLX"),
        ("upstream.py", "import parity.verdict", "The lab needs MLX"),
        ("trainers/protocol.py", "import parity.verdict", "The lab needs MLX"),
        ("verdict.py", "import parity.report.json", "Data goes one way"),
        ("curves.py", "import parity.result", "Data goes one way"),
        ("contradiction.py", "import parity.report.json", "Data goes one way"),
        ("resultfile.py", "import parity.trainers.registry", "The judge never imports MLX or a trainer"),
        ("golden/drift.py", "import parity.result", "Data goes one way"),
        ("report/json.py", "import parity.cli", "Data goes one way"),
        ("bisect/search.py", "import parity.trainers.registry", "The judge never imports MLX or a trainer"),
        ("bisect/trials.py", "import parity.sweep", "Data goes one way"),
        ("scoreboard/score.py", "import parity.scoreboard.runs", "Data goes one way"),
        ("report/golden.py", "import parity.recording", "Data goes one way"),
        ("merge.py", "import parity.rundir", "Data goes one way"),
        ("shardfolder.py", "import mlx_lm", "The judge never imports MLX or a trainer"),
        ("probe/hub.py", "import mlx_lm", "The judge never imports MLX or a trainer"),
        ("cell.py", "import parity.probe.hub", "The lab needs MLX"),
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


def test_the_judge_runs_where_there_is_no_mlx() -> None:
    code = """
import sys
sys.modules.update(dict.fromkeys(["mlx", "mlx.core", "mlx_lm", "unsloth_zoo"]))
import parity.diff, parity.verdict, parity.result, parity.assess, parity.rundir
import parity.report.json, parity.report.markdown, parity.report.terminal, parity.cli
from parity.cli import cli
cli(["diff", "fixtures/published/round-bp.csv::delta_loss", "fixtures/published/round-bp.csv::delta_loss"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "identical: bit for bit" in done.stdout, done.stderr
