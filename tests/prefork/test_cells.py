"""The Python that these tests start their cells with is another way to start one, and no other Python."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from parity.probe.values import ArmName
from tests.integration.running import PARITY, ROOT, parity, probe_file
from tests.prefork.cells import ENVIRONMENT, warm_python

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere cells are started as ever")
TELL = """
import json, os, sys
kept = {"transformers", "mlx", "mlx_lm", "unsloth_zoo"} & set(sys.modules)
told = {"words": sys.argv[1:], "path": sys.path[0], "folder": os.getcwd(), "kept": [*kept]}
told |= {"said": os.environ.get("SAID"), "read": sys.stdin.read(), "alone": os.getsid(0) == os.getpid()}
print(json.dumps(told), flush=True)
"""

DRAWN = re.compile(r'"python": "[0-9a-f]{16}"')
"""The state of Python's generator, from which imports draw: a warm process has done them before."""


def run(folder: Path, code: str, *flags: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` as a module of a package that is called as ours, with two words."""
    package = folder / "parity"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "told.py").write_text(f"{TELL}\n{code}\n")
    return subprocess.run(
        [warm_python(), *flags, "-m", "parity.told", "a b", "$c"],
        cwd=folder,
        env=ENVIRONMENT | {"PYTHONPATH": str(folder), "SAID": "so"} | more,
        input="asked",
        capture_output=True,
        text=True,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found


def test_a_cell_leaves_the_same_bytes(tmp_path: Path) -> None:
    probe = probe_file(tmp_path / "p.toml", candidate='provider = "unsloth-zoo"', expect='verdict = "diverged"')
    assert parity("run", probe, "--out", tmp_path / "warm").returncode == 0
    command = [*PARITY, "run", str(probe), "--out", str(tmp_path / "cold")]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True)
    warm, cold = (
        {path.stem: DRAWN.sub("", path.read_text()) for path in (tmp_path / way).rglob("*.jsonl")}
        for way in ("warm", "cold")
    )
    assert warm.keys() == set(ArmName)
    assert warm == cold


def test_it_has_the_tokenizers_and_what_it_is_given(tmp_path: Path) -> None:
    done = run(tmp_path, "print('out'); print('err', file=sys.stderr); sys.exit(5)", "-P")
    assert told(done) == {
        "words": ["a b", "$c"],
        "path": str(tmp_path),
        "folder": str(tmp_path),
        "said": "so",
        "kept": ["transformers"],
        "read": "asked",
        "alone": True,
    }
    assert (done.returncode, done.stdout.splitlines()[1:], done.stderr) == (5, ["out"], "err\n")


@pytest.mark.parametrize(("flags", "more"), [((), {}), (("-P",), {"HF_HOME": "/elsewhere"})])
def test_another_command_or_another_hub_gets_a_new_interpreter(
    tmp_path: Path, flags: tuple[str, ...], more: dict[str, str]
) -> None:
    done = run(tmp_path, "sys.exit(5)", *flags, **more)
    assert (done.returncode, told(done)["kept"]) == (5, [])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_it_ends_as_its_cell_does(tmp_path: Path, number: int) -> None:
    assert run(tmp_path, f"os.kill(os.getpid(), {number})", "-P").returncode == -number


def test_what_is_raised_is_on_its_log(tmp_path: Path) -> None:
    done = run(tmp_path, "raise ValueError('so')", "-P")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: so"


def test_to_be_stopped_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "parity").mkdir()
    (tmp_path / "parity" / "__init__.py").touch()
    (tmp_path / "parity" / "waits.py").write_text(
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print(1, flush=True)\nsignal.pause()\n"
    )
    process = subprocess.Popen(
        [warm_python(), "-P", "-m", "parity.waits"],
        env=ENVIRONMENT | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    process.terminate()
    process.stdout.close()
    assert process.wait(60) == 7
