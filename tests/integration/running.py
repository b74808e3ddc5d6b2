"""Runs the command line as a user does, in a process of its own."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.integration.small import small
from tests.integration.warm import ENVIRONMENT, warm_python

ROOT = Path(__file__).parents[2]
PARITY = [sys.executable, "-m", "parity"]
PLUGIN = str(ROOT / "tests" / "plugin")

_FORKS = """
import json, os, signal, sys
import jinja2, pandas, pydantic, rich.console, scipy.stats  # once: a command is a fork that has them
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        for number, name in enumerate([os.devnull, *asked["to"]]):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.path[:0] = [os.getcwd(), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        sys.argv = ["parity", *asked["arguments"]]
        sys.executable = asked["python"]
        signal.alarm(900)
        from parity.cli import main
        try:
            main()
        except SystemExit as end:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code or 0)
        finally:
            os._exit(70)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@cache
def _forks() -> subprocess.Popen[str]:
    """Starts in a fiftieth of a second what a new interpreter takes a second for."""
    forks = subprocess.Popen(
        [sys.executable, "-P", "-c", _FORKS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(forks.communicate)
    return forks


def parity(*arguments: str | Path, plugin: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `parity`; `plugin` puts the faulty provider's package on the path."""
    more = {"PYTHONPATH": PLUGIN} if plugin else {}
    command, forks = [*map(str, arguments)], _forks()
    assert forks.stdin is not None
    assert forks.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        asked = {
            "arguments": command,
            "environment": ENVIRONMENT | more | environment,
            "python": str(warm_python()),
            "to": [str(out), str(err)],
        }
        forks.stdin.write(json.dumps(asked) + "\n")
        forks.stdin.flush()
        status = int(forks.stdout.readline())
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
