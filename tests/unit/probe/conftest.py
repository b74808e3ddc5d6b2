from __future__ import annotations

from pathlib import Path

import pytest

MODEL = Path(__file__).parents[3] / "fixtures" / "models" / "tiny-gemma3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a data set, and a probe that is right."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text('{"text": "a"}\n' * 8)
    (tmp_path / "right.toml").write_text(
        f"""
        question = "Is it?"
        [workload]
        model = "{MODEL}"
        data = "data"
        seeds = [1, 2]
        [reference]
        provider = "mlx-lm"
        [candidate]
        provider = "unsloth-zoo"
        stages = {{ load = "mlx-lm" }}
        settings = {{ max_grad_value = 0.5 }}
        [expect]
        verdict = "diverged"
        stage = "clip"
        step = 1
        """
    )
    return tmp_path
