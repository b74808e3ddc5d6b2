"""Releases of a trainer that does not exist, as wheels and as commits: real ones, so small that they install at once.

It is mlx-lm's loop with a learning rate of its own, registered as any third-party provider is.
"""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "mlx_parity.providers"

MODULE = """
from fake_trainer.rates import scaled
from parity.trainers.mlx_lm.loop import MlxLmLoop


class FakeTrainer(MlxLmLoop):
    distributions = ("fake-trainer", "mlx-lm")

    def schedule(self, job):
        return scaled(super().schedule(job), {rate})
"""
RATES = "def scaled(rate, by):\n    return rate * by\n"
"""What a provider's own module does is not taken for the library that it names: this is."""
RIGHT, WRONG = MODULE.format(rate=1.0), MODULE.format(rate=1.01)
BROKEN = "import there_is_no_such_module\n"

PYPROJECT = f"""
[project]
name = "fake-trainer"
version = "1.0"
[project.entry-points."{GROUP}"]
fake-trainer = "fake_trainer:FakeTrainer"
[build-system]
requires = ["uv_build>=0.12,<1"]
build-backend = "uv_build"
[tool.uv.build-backend]
module-root = ""
"""


def wheel(folder: Path, release: str, module: str = RIGHT, needs: str = "") -> Path:
    """Writes one release."""
    info = f"fake_trainer-{release}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: fake-trainer\nVersion: {release}\n"
    files = {
        "fake_trainer/__init__.py": module,
        "fake_trainer/rates.py": RATES,
        f"{info}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{GROUP}]\nfake-trainer = fake_trainer:FakeTrainer\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"fake_trainer-{release}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return path


def installed(wheel_file: Path, folder: Path) -> Path:
    """A folder for the path that has it as an installer would have left it."""
    with zipfile.ZipFile(wheel_file) as archive:
        archive.extractall(folder)
    return folder


def checkout(folder: Path, module: str = RIGHT) -> Path:
    """A folder that it can be built from."""
    (folder / "fake_trainer").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "fake_trainer" / "__init__.py").write_text(module)
    (folder / "fake_trainer" / "rates.py").write_text(RATES)
    return folder


def commit(folder: Path, module: str, message: str) -> None:
    """Commits the module as it is given, in a repository that is made where there is none."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "fake_trainer" / "__init__.py").write_text(module)
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=somebody", "-c", "user.email=s@example.org", "commit", "--quiet", "-m", message)


def git(folder: Path, *arguments: str) -> str:
    """Runs git there."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
