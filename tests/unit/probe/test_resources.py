"""What the package brings along is found by name, wherever the package is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parity.errors import BadProbeError
from parity.probe.file import read_probe
from parity.probe.resources import RESOURCES

ARMS = '[reference]\nprovider = "mlx-lm"\n[candidate]\nprovider = "mlx-lm-train"\n[expect]\nverdict = "identical"\n'


def probe_in(folder: Path, said: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(f'question = "Is it?"\n{said}\n{ARMS}')
    return path


@pytest.mark.parametrize("workload", sorted(path.stem for path in (RESOURCES / "workloads").iterdir()))
def test_a_probe_extends_a_workload_by_name(tmp_path: Path, workload: str) -> None:
    found = read_probe(probe_in(tmp_path, f'extends = "mlx-parity:{workload}"')).workload
    assert found.model == str(RESOURCES / "models" / "tiny-gemma3")
    assert Path(found.data).parent == RESOURCES / "data"


def test_a_named_workload_can_stand_among_files(tmp_path: Path) -> None:
    (tmp_path / "steps.toml").write_text("[workload]\nsteps = 3\n")
    assert read_probe(probe_in(tmp_path, 'extends = ["mlx-parity:varied", "steps.toml"]')).workload.steps == 3


def test_model_and_data_are_named_alike(tmp_path: Path) -> None:
    said = '[workload]\nmodel = "mlx-parity:tiny-gemma3"\ndata = "mlx-parity:chat"\nseeds = [1]'
    found = read_probe(probe_in(tmp_path, said)).workload
    assert found.model == str(RESOURCES / "models" / "tiny-gemma3")
    assert found.data == str(RESOURCES / "data" / "chat")
    assert read_probe(tmp_path / "mine.toml", ["workload.data=mlx-parity:hello"]).workload.data.endswith("data/hello")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            'extends = "mlx-parity:veried"',
            "extends: mlx-parity: has no workload 'veried'; it has answers, hello, short, steep, varied, varied-short",
        ),
        (
            'extends = "mlx-parity:varied"\nworkload.data = "mlx-parity:../models"',
            "workload.data: mlx-parity: has no data set '../models'; it has chat, completions, hello, varied",
        ),
        (
            'extends = "mlx-parity:varied"\nworkload.model = "mlx-parity:"',
            "workload.model: mlx-parity: has no model ''; it has tiny-gemma3",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_exist(tmp_path: Path, said: str, message: str) -> None:
    path = probe_in(tmp_path, said)
    with pytest.raises(BadProbeError) as caught:
        read_probe(path)
    assert str(caught.value) == f"{path}: {message}"


def test_the_resources_move_with_the_package(tmp_path: Path) -> None:
    shutil.copytree(RESOURCES.parent, tmp_path / "parity", ignore=shutil.ignore_patterns("__pycache__"))
    probe_in(tmp_path, 'extends = "mlx-parity:varied"')
    code = "from pathlib import Path; from parity.probe.file import read_probe; print(read_probe(Path('mine.toml')))"
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    for name in ("models/tiny-gemma3", "data/varied"):
        assert f"'{tmp_path.resolve()}/parity/resources/{name}'" in said


def test_a_workload_names_nothing_outside_of_the_package() -> None:
    for path in (RESOURCES / "workloads").iterdir():
        for line in path.read_text().splitlines():
            if line.startswith(("model", "data")):
                assert (path.parent / line.split('"')[1]).resolve().is_relative_to(RESOURCES)
