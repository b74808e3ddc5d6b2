"""The committed model and data sets are what their scripts make, bit for bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.mark.parametrize(
    ("script", "committed"),
    [("make_model.py", FIXTURES / "models" / "tiny-gemma3"), ("make_data.py", FIXTURES / "data")],
)
def test_a_fixture_is_what_its_script_makes(tmp_path: Path, script: str, committed: Path) -> None:
    subprocess.run([sys.executable, FIXTURES / script, tmp_path], check=True)
    files = {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    assert files == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    for file in files:
        assert (tmp_path / file).read_bytes() == (committed / file).read_bytes(), file


def test_varied_can_show_truncation_padding_and_order() -> None:
    from mlx_lm import load

    from parity.probe.inputs import read_rows

    _, tokenizer, *_ = load(str(FIXTURES / "models" / "tiny-gemma3"))
    lengths = [len(tokenizer.encode(row["text"])) for row in read_rows(FIXTURES / "data" / "varied")]
    assert len(lengths) >= 64
    assert sum(length > 64 for length in lengths) >= 10
    assert sum(length < 32 for length in lengths) >= 10
    assert lengths != sorted(lengths)
    assert len(set(lengths)) > 30


def test_the_model_is_small_enough_to_commit() -> None:
    files = (FIXTURES / "models" / "tiny-gemma3").iterdir()
    assert sum(path.stat().st_size for path in files) < 2_000_000
