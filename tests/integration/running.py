"""Runs the command line as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PARITY = [sys.executable, "-m", "parity"]
PLUGIN = str(ROOT / "tests" / "plugin")


def parity(*arguments: str | Path, plugin: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `parity`; `plugin` puts the faulty provider's package on the path."""
    more = {"PYTHONPATH": PLUGIN} if plugin else {}
    return subprocess.run(
        [*PARITY, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | more | environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def probe_file(path: Path, *, extends: str = "varied", **tables: str) -> Path:
    """Writes a probe on one of the project's workloads: one seed, two steps, and what is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f'question = "Is {path.stem} seen?"',
        f'extends = "{ROOT}/probes/workloads/{extends}.toml"',
        f"[workload]\nseeds = [1]\nsteps = 2\n{tables.pop('workload', '')}",
        *[f"[{name.replace('_', '.')}]\n{content}" for name, content in tables.items()],
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def cells(file: Path) -> dict[str, dict[str, Any]]:
    """The first cell of every probe of a result, by the probe's own name."""
    probes = json.loads(file.read_text())["probes"]
    return {probe["probe"].rpartition("/")[2]: probe["cells"][0] for probe in probes}
