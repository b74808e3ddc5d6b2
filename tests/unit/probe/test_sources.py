from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.errors import BadProbeError
from parity.probe.file import read_probe

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(folder: Path) -> Path:
    (folder / "checkout").mkdir()
    (folder / "checkout" / "pyproject.toml").write_text("[project]")
    return folder / "checkout"


def test_a_checkout_is_relative_to_the_file_that_names_it(folder: Path, checkout: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "more.toml").write_text(
        'extends = "../right.toml"\n[environment]\nunsloth-zoo = "../checkout"\n'
    )
    assert read_probe(folder / "below" / "more.toml").environment == {"unsloth-zoo": str(checkout)}


def test_on_the_command_line_it_is_relative_to_the_working_directory(
    folder: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "x-1.0-py3-none-any.whl").touch()
    probe = read_probe(
        folder / "right.toml", ["environment.mlx=x-1.0-py3-none-any.whl", "environment.unsloth-zoo=./checkout"]
    )
    assert probe.environment == {"mlx": str(folder / "x-1.0-py3-none-any.whl"), "unsloth-zoo": str(checkout)}


def test_a_package_has_one_name_however_it_is_spelt(folder: Path) -> None:
    (folder / "more.toml").write_text('extends = "right.toml"\n[environment]\nunsloth_zoo = "2026.5.3"\n')
    probe = read_probe(folder / "more.toml", ["environment.Unsloth-Zoo=2026.5.4"])
    assert probe.environment == {"unsloth-zoo": "2026.5.4"}


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("./none", "{folder}/none does not exist"),
        ("./data", "{folder}/data has no pyproject.toml or setup.py; use the checkout's top folder"),
        ("./right.toml", "{folder}/right.toml is neither a checkout nor a wheel (*.whl)"),
        ("checkout", 'must be a release, such as "2026.5.3", or a path, such as "./checkout", not \'checkout\''),
        ("none.whl", "{folder}/none.whl does not exist"),
    ],
)
def test_what_nothing_can_be_built_from_is_one_line(folder: Path, value: str, complaint: str) -> None:
    path = folder / "more.toml"
    path.write_text(f'extends = "right.toml"\n[environment]\nmlx = "{value}"\n')
    with pytest.raises(BadProbeError) as raised:
        read_probe(path)
    assert str(raised.value) == f"{path}: environment.mlx: {complaint.format(folder=folder)}"
