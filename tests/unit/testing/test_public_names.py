"""`import parity` is light, its names are there, and none of them needs MLX or pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import parity

ROOT = Path(__file__).parents[3]
ABSENT = ("mlx", "mlx_lm", "unsloth_zoo", "transformers", "tokenizers", "huggingface_hub", "packaging", "uv")
"""What an environment that only judges does not have."""


def loaded(code: str, *absent: str) -> set[str]:
    """The top-level modules that are loaded after some code, where others cannot be imported."""
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.modules.update(dict.fromkeys({absent!r}))\n{code}\n"
            "print(*{name.partition('.')[0] for name, module in sys.modules.items() if module})",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


@pytest.mark.parametrize("code", ["import parity", "import parity.testing", "import parity; dir(parity)"])
def test_importing_is_light(code: str) -> None:
    assert not loaded(code) & {"mlx", "mlx_lm", "numpy", "pandas", "pydantic", "rich", "click", "scipy", "pytest"}


def test_every_public_name_is_there_and_none_is_a_wing() -> None:
    wings = {path.parent.name for path in (ROOT / "parity").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "parity").glob("*.py")}
    for name in parity.__all__:
        assert hasattr(parity, name)
        assert name in dir(parity)
        assert name not in wings | (modules - {"__init__"})


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'parity' has no attribute 'compere'"):
        _ = parity.compere  # type: ignore[attr-defined]


def test_the_judge_suffices_to_compare() -> None:
    log = ROOT / "fixtures" / "published" / "round-bp.csv::delta_loss"
    code = f"import parity; assert parity.compare({str(log)!r}, {str(log)!r}).verdict == 'identical'"
    assert "pandas" in loaded(code, *ABSENT, "pytest", "_pytest")


def test_the_judge_suffices_to_import_the_plugin() -> None:
    assert not loaded("import parity.testing.plugin", *ABSENT) & {"pandas", "pydantic", "rich"}


def test_the_package_is_typed() -> None:
    assert (ROOT / "parity" / "py.typed").is_file()
