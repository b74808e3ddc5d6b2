"""The wheel in a new environment, in an empty folder: `parity init`, `parity run parity` and `pytest` work at once."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.integration.running import ROOT
from tests.prefork.cells import ENVIRONMENT

UV = Path(sys.executable).with_name("uv")
PLAIN = {name: value for name, value in ENVIRONMENT.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def said(*words: str | Path, cwd: Path) -> str:
    """What a command prints that ends well."""
    done = subprocess.run([*map(str, words)], cwd=cwd, env=PLAIN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment: the wheel, built from the source distribution, and the locked releases."""
    folder = tmp_path_factory.mktemp("installed")
    environment, python = folder / "environment", folder / "environment" / "bin" / "python"
    said(UV, "build", "--quiet", "--out-dir", folder / "dist", ROOT, cwd=folder)
    said(UV, "venv", "--quiet", "--python", sys.executable, environment, cwd=folder)
    sync: list[str | Path] = [
        UV,
        "pip",
        "sync",
        "--quiet",
        "--require-hashes",
        "--python",
        python,
        ROOT / "requirements.lock",
    ]
    if subprocess.run([*map(str, sync), "--offline"], env=PLAIN, capture_output=True, check=False).returncode:
        said(*sync, cwd=folder)  # the cache of `make setup` is gone
    (wheel,) = (folder / "dist").glob("*.whl")
    said(UV, "pip", "install", "--quiet", "--no-deps", "--no-index", "--python", python, wheel, cwd=folder)
    return python.parent


@pytest.fixture(scope="module")
def begun(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `parity init` was called; its probe takes two steps, to be quick."""
    folder = tmp_path_factory.mktemp("begun")
    said(installed / "parity", "init", cwd=folder)
    with (folder / "parity" / "first.toml").open("a", encoding="utf-8") as probe:
        probe.write("\n[workload]\nsteps = 2\n")
    return folder


def test_the_wheel_brings_along_what_probes_extend_and_is_typed(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python3*/site-packages/parity")
    files = [path.relative_to(ROOT) for path in (ROOT / "parity" / "resources").rglob("*") if path.is_file()]
    for file in (*(file for file in files if file.suffix != ".pyc"), Path("parity", "py.typed")):
        assert (package.parent / file).read_bytes() == (ROOT / file).read_bytes()


def test_the_folder_hides_no_package(installed: Path, begun: Path) -> None:
    for command in ("import sys; sys.path.insert(0, '.'); import parity", "import parity"):
        found = said(installed / "python", "-c", f"{command}; print(parity.__file__)", cwd=begun)
        assert Path(found.strip()).is_relative_to(installed.parent / "lib")


def test_the_first_probe_runs_at_once(installed: Path, begun: Path) -> None:
    shown = said(installed / "parity", "run", "parity", cwd=begun)
    assert "1 probe, as expected: identical." in shown
    assert "1 cell trained again without the tap: same final parameters" in shown
    assert (begun / "reports" / "latest" / "report.html").is_file()


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_its_test_is_found_wherever_python_looks_first(installed: Path, begun: Path, mode: str) -> None:
    words = ["-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", f"--import-mode={mode}"]
    assert "parity/test_parity_probes.py::test_a_probe_is_as_expected[first]" in said(
        installed / "python", *words, cwd=begun
    )


def test_its_test_passes(installed: Path, begun: Path) -> None:
    said(installed / "pytest", "-p", "no:cacheprovider", "--junitxml=junit.xml", cwd=begun)
    (case,) = ET.parse(begun / "junit.xml").iter("testcase")
    assert (case.get("name"), len(case)) == ("test_a_probe_is_as_expected[first]", 0)
