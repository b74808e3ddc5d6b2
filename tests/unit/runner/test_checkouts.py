from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.runner.checkouts import copied, digest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for name, text in {
        "pyproject.toml": "[project]",
        "trainer/__init__.py": "RATE = 1.0\n",
        "trainer/build/graph.py": "a package of that name",
        "build/lib/trainer/__init__.py": "of the commit before",
        "dist/trainer-1.0.whl": "of the release before",
        "trainer.egg-info/PKG-INFO": "",
        "trainer/__pycache__/x.pyc": "",
        ".venv/bin/python": "",
        ".git/HEAD": "ref: refs/heads/main",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "linked").symlink_to("trainer", target_is_directory=True)
    return folder


@pytest.mark.parametrize("edited", ["trainer/__init__.py", "trainer/build/graph.py", "pyproject.toml", "new.py"])
def test_an_edited_checkout_is_another_one(checkout: Path, edited: str) -> None:
    before = digest(checkout)
    (checkout / edited).write_text("RATE = 1.1\n")
    assert digest(checkout) != before


def test_so_is_one_with_a_file_moved_or_a_link_turned(checkout: Path) -> None:
    seen = {digest(checkout)}
    (checkout / "trainer" / "__init__.py").rename(checkout / "trainer" / "other.py")
    seen.add(digest(checkout))
    (checkout / "linked").unlink()
    (checkout / "linked").symlink_to("trainer/build", target_is_directory=True)
    seen.add(digest(checkout))
    assert len(seen) == 3


@pytest.mark.parametrize(
    "made", ["build/x", "dist/x", "trainer.egg-info/x", "trainer/__pycache__/x", ".venv/x", ".git/x"]
)
def test_what_a_build_leaves_makes_no_difference(checkout: Path, made: str) -> None:
    before = digest(checkout)
    (checkout / made).write_text("made")
    assert digest(checkout) == before


def test_a_wheel_is_known_by_its_bytes(tmp_path: Path) -> None:
    wheel = tmp_path / "trainer-1.0-py3-none-any.whl"
    wheel.write_bytes(b"one")
    before = digest(wheel)
    wheel.write_bytes(b"two")
    assert digest(wheel) != before


def test_it_is_built_from_a_copy_with_its_history_and_nothing_that_a_build_left(checkout: Path, tmp_path: Path) -> None:
    copy = copied(checkout, tmp_path / "sources" / "trainer")
    assert {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()} == {
        "pyproject.toml", "trainer/__init__.py", "trainer/build/graph.py", ".git/HEAD",
    }  # fmt: skip
    assert (copy / "linked").is_symlink()
    assert digest(copy) == digest(checkout)


def test_a_copied_wheel_keeps_its_name(tmp_path: Path) -> None:
    wheel = tmp_path / "trainer-1.0-py3-none-any.whl"
    wheel.write_bytes(b"one")
    assert copied(wheel, tmp_path / "sources" / "trainer").name == wheel.name
