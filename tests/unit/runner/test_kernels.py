"""A kernel that is built with the precompiled header is the kernel that MLX builds."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from parity.runner.kernels import precompile_preamble, whole_kernels

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="elsewhere MLX builds no kernels with g++")
KERNEL = """
#include "mlx/backend/cpu/compiled_preamble.h"
using namespace mlx::core;
using namespace mlx::core::detail;
extern "C" void kernel(float* x, int n) { for (int i = 0; i < n; i++) x[i] = Multiply()(Exp()(x[i]), 2.0f); }
"""
INCLUDE = Path(str(distribution("mlx").locate_file("mlx/include")))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_PARITY_CACHE", str(tmp_path / "cache"))


def built(folder: Path) -> tuple[bytes, bool]:
    """The bytes of a kernel whose source lies there, built as MLX does, and whether a precompiled header was used."""
    folder.mkdir(parents=True, exist_ok=True)
    source, library = folder / "kernel.cpp", folder / "kernel.so"
    source.write_text(KERNEL)
    command = [
        "g++",
        "-std=c++17",
        "-O3",
        "-Wall",
        "-fPIC",
        "-shared",
        f"-I{INCLUDE}",
        str(source),
        "-o",
        str(library),
        "-H",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return library.read_bytes(), any(line.startswith("! ") for line in done.stderr.splitlines())


def installed(site: Path, version: str) -> list[str]:
    """A path with an MLX of this version, and the real one's headers."""
    about = site / f"mlx-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mlx\nVersion: {version}\n")
    (site / "mlx").mkdir()
    (site / "mlx" / "include").symlink_to(INCLUDE)
    return [str(site)]


def test_a_kernel_has_the_same_bytes(tmp_path: Path) -> None:
    precompile_preamble(sys.path)
    plain, none = built(tmp_path / "plain")
    same, one = built(whole_kernels() / distribution("mlx").version / "cpu")
    assert (none, one) == (False, True)
    assert same == plain


def test_one_of_another_compiler_is_passed_over(tmp_path: Path) -> None:
    precompile_preamble(installed(tmp_path / "site", "1.2"))
    (compiled,) = whole_kernels().rglob("*.gch")
    assert compiled == whole_kernels() / "1.2" / "cpu" / "mlx" / "backend" / "cpu" / "compiled_preamble.h.gch"
    compiled.write_bytes(b"gpch from elsewhere")
    assert built(whole_kernels() / "1.2" / "cpu") == built(tmp_path / "plain")


def test_it_is_made_once_for_each_release(tmp_path: Path) -> None:
    path = installed(tmp_path / "site", "1.2")
    precompile_preamble(path)
    (compiled,) = whole_kernels().rglob("*.gch")
    before = compiled.stat().st_mtime_ns
    precompile_preamble(path)
    assert [file.stat().st_mtime_ns for file in compiled.parent.iterdir()] == [before]


@pytest.mark.parametrize("version", ["1.2.dev20261122", "1.2+mine"])
def test_of_a_build_of_somebodys_own_nothing_is_kept(tmp_path: Path, version: str) -> None:
    precompile_preamble(installed(tmp_path / "site", version))
    assert not list(whole_kernels().iterdir())


def test_without_mlx_or_a_compiler_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precompile_preamble([str(tmp_path)])
    monkeypatch.setenv("PATH", str(tmp_path))
    precompile_preamble(installed(tmp_path / "site", "1.2"))
    assert not list(whole_kernels().rglob("*.gch"))
