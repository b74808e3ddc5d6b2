"""Runs the command line as a user does, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.integration.small import small
from tests.prefork import commands
from tests.prefork.cells import ENVIRONMENT, warm_python

ROOT = Path(__file__).parents[2]
PARITY = [sys.executable, "-m", "parity"]
PLUGIN = str(ROOT / "tests" / "plugin")


def parity(*arguments: str | Path, plugin: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `parity`; `plugin` puts the faulty provider's package on the path."""
    more = {"PYTHONPATH": PLUGIN} if plugin else {}
    command = [*map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        status = commands.run(
            {
                "arguments": command,
                "environment": ENVIRONMENT | more | environment,
                "python": str(warm_python()),
                "to": [str(out), str(err)],
            }
        )
        return subprocess.CompletedProcess(command, status, out.read_text("utf-8"), err.read_text("utf-8"))


def probe_file(path: Path, steps: int = 2, /, *, extends: str = "varied", **tables: str) -> Path:
    """Writes a probe on one of the project's workloads: the small model, one seed, and what is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f'question = "Is {path.stem} seen?"',
        f'extends = ["{ROOT}/probes/workloads/{extends}.toml", "{small()}"]',
        f"[workload]\nseeds = [1]\nsteps = {steps}\n{tables.pop('workload', '')}",
        *[f"[{name.replace('_', '.')}]\n{content}" for name, content in tables.items()],
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def cells(file: Path) -> dict[str, dict[str, Any]]:
    """The first cell of every probe of a result, by the probe's own name."""
    probes = json.loads(file.read_text())["probes"]
    return {probe["probe"].rpartition("/")[2]: probe["cells"][0] for probe in probes}
