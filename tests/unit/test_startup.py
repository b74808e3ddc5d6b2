"""A command imports what it needs, and no more: who asks for help or for a stored report does not wait for MLX."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from parity.gate.result import RunResult
from parity.report.json import render_json
from tests.unit.made import judged, probe_of

if TYPE_CHECKING:
    from pathlib import Path

TRAINERS = {"mlx", "mlx_lm", "unsloth_zoo", "transformers", "tokenizers", "torch", "huggingface_hub"}
ARRAYS = {"pandas", "scipy", "pyarrow"}
RENDERERS = {"jinja2", "junitparser"}
IMPORTED = """
import sys
from parity.cli import cli
try:
    cli(sys.argv[1:], standalone_mode=False)
except SystemExit:
    pass
print("imported", *{name.partition(".")[0] for name in sys.modules})
"""


def imported(*arguments: str) -> set[str]:
    """The packages that a command has imported when it is done."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--help"], TRAINERS | ARRAYS | RENDERERS | {"numpy", "pydantic", "httpx", "rich"}),
        (["diff", "--help"], TRAINERS | ARRAYS | RENDERERS | {"numpy", "pydantic", "httpx", "rich"}),
        (["run", "--help"], TRAINERS | ARRAYS | RENDERERS | {"numpy", "pydantic", "httpx"}),
        (["list", "probes/current"], TRAINERS | ARRAYS | RENDERERS | {"numpy", "httpx"}),
    ],
)
def test_a_command_spares_what_it_does_not_need(arguments: list[str], spared: set[str]) -> None:
    assert not imported(*arguments) & spared


@pytest.mark.parametrize("form", ["terminal", "json"])
def test_a_stored_result_is_shown_without_what_judged_it(tmp_path: Path, form: str) -> None:
    (tmp_path / "results.json").write_text(render_json(RunResult(probes=(probe_of("a/b", judged(1)),))) + "\n")
    assert not imported("report", str(tmp_path / "results.json"), "--format", form) & (
        TRAINERS | ARRAYS | {"junitparser"}
    )
