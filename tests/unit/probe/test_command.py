from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from parity.errors import BadProbeError
from parity.probe.command import words
from parity.probe.file import read_probe
from parity.probe.values import Arm, Lora, from_plain, to_plain
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = ["mlx_lm.lora", "--seed", "{seed}"]


def asked(folder: Path, reference: str, *overrides: str, extends: str = "right.toml") -> Arm:
    (folder / "command.toml").write_text(f'extends = "{extends}"\n[reference]\n{reference}\n')
    return read_probe(folder / "command.toml", overrides).reference


def test_words_of_a_cell() -> None:
    command = ("train", "--seed={seed}", "{steps}", "{lora.rank}:{lora.rank}", "{optimizer.learning_rate}", "{out}/a")
    workload = replace(PROBE.workload, steps=7, lora=Lora(rank=4))
    found = words(Arm(provider="command", command=command), workload, 42, "/scratch")
    assert found == ["train", "--seed=42", "7", "4:4", "0.001", "/scratch/a"]


def test_what_is_no_placeholder_stays() -> None:
    arm = Arm(provider="command", command=("train", "{}", '{"rank": 8}', "{ seed }"))
    assert words(arm, PROBE.workload, 1, "") == ["train", "{}", '{"rank": 8}', "{ seed }"]


def test_a_command_replaces_a_provider_and_runs_in_the_folder_of_its_file(folder: Path) -> None:
    arm = asked(folder, f'command = {COMMAND}\npython = "{sys.executable}"')
    assert (arm.provider, arm.command, arm.settings) == ("command", tuple(COMMAND), {})
    assert (arm.python, arm.directory) == (sys.executable, str(folder))


def test_a_file_that_extends_it_keeps_its_folder_and_a_provider_replaces_it(folder: Path) -> None:
    asked(folder, f"command = {COMMAND}")
    below = folder / "below"
    below.mkdir()
    (below / "more.toml").write_text('extends = "../command.toml"\n')
    assert read_probe(below / "more.toml").reference.directory == str(folder)
    (below / "back.toml").write_text('extends = "../command.toml"\n[reference]\nprovider = "mlx-lm"\n')
    assert asdict(read_probe(below / "back.toml").reference) == asdict(Arm(provider="mlx-lm"))


def test_a_probe_with_a_command_survives_the_way_to_its_cell(folder: Path) -> None:
    asked(folder, f"command = {COMMAND}")
    probe = read_probe(folder / "command.toml")
    assert to_plain(from_plain(to_plain(probe))) == to_plain(probe)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("command = []", "reference.command is missing: the program that is traced, and its arguments"),
        ('command = ["train", ""]', "reference.command.1: String must have at least 1 character, not ''"),
        (
            'command = ["train", "{sed}"]',
            "reference.command: unknown placeholder {sed}; did you mean 'seed'?",
        ),
        (
            'command = ["train"]',
            "reference.command: without {seed} its 2 seeds are trained alike; "
            "write {seed} where the command takes it, or ask for one seed",
        ),
        (
            'command = ["train", "{seed}"]\nprovider = "mlx-lm"',
            "reference.provider: an arm that is a command has no provider; write it into the command",
        ),
        (
            'command = ["train", "{seed}"]\nsettings = { numpy_seed = 1 }',
            "reference.settings: an arm that is a command has no settings; write it into the command",
        ),
        ('provider = "command"', "reference.command is missing: the program that is traced, and its arguments"),
        ('python = "python3"', "reference.python goes with reference.command"),
        (
            'command = ["train", "{seed}"]\npython = "none/python"',
            "reference.python: {folder}/none/python does not exist",
        ),
        ('command = ["train", "{seed}"]\ndirectory = "none"', "reference.directory: {folder}/none does not exist"),
        (
            'command = ["train", "{seed}"]\n[outcomes]\nprompt = "My name is"',
            "outcomes: the reference is a command, whose trained model is not at hand; leave them out",
        ),
    ],
)
def test_a_mistake_is_one_line(folder: Path, reference: str, said: str) -> None:
    with pytest.raises(BadProbeError) as raised:
        asked(folder, reference)
    assert str(raised.value) == f"{folder}/command.toml: {said.replace('{folder}', str(folder))}"
