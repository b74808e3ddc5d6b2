"""A trainer that is missing, or cannot be imported, is a clear line and exit 3."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from parity.errors import UnavailableError
from parity.trainers.registry import provider
from tests.integration.running import cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_library_that_cannot_be_imported_says_so_and_how_to_install_it(tmp_path: Path) -> None:
    broken = tmp_path / "path" / "unsloth_zoo"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text('raise ImportError("no accelerator here")\n')
    probe = probe_file(tmp_path / "zoo.toml", candidate='provider = "unsloth-zoo"', expect='verdict = "identical"')
    done = parity(
        "run", probe, "--out", tmp_path / "run", "--json", tmp_path / "out.json", PYTHONPATH=str(broken.parent)
    )
    assert done.returncode == 3
    (cell,) = cells(tmp_path / "out.json").values()
    assert cell["failure"] == (
        "candidate: unsloth_zoo.mlx.loader cannot be imported (no accelerator here); "
        "uv pip install unsloth-zoo, or `make setup` for the locked release"
    )


def test_a_library_that_is_not_there_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in (
        ("unsloth-zoo", "parity.trainers.unsloth_zoo.stages"),
        ("mlx-lm", "parity.trainers.mlx_lm.stages"),
    ):
        monkeypatch.setattr(f"{module}.find_spec", lambda _name: None)
        with pytest.raises(UnavailableError, match="is not installed; uv pip install"):
            provider(name).check_installed()


def test_a_machine_is_itself_again_after_the_import_of_the_zoo() -> None:
    code = """
import platform
from parity.trainers.unsloth_zoo.importing import module
before = platform.system(), platform.machine()
assert module("trainer").MLXTrainer
assert (platform.system(), platform.machine()) == before
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
