"""An arm that is a command: the real mlx_lm.lora, and scripts that train, fail, or are no training."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, parity

if TYPE_CHECKING:
    from pathlib import Path

CURRENT = ROOT / "probes" / "current"
SCRIPT = """
import sys
from pathlib import Path
import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn
from mlx.utils import tree_flatten

seed, steps, rate, out = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
mx.random.seed(seed)
net = nn.Linear(4, 3)
step, sgd = nn.value_and_grad(net, lambda net, x: mx.square(net(x)).mean()), optim.SGD(rate)
for number in range(steps):
    loss, gradient = step(net, mx.ones((2, 4)) * (number + 1))
    sgd.update(net, gradient)
    mx.eval(net.parameters())
mx.save_safetensors(str(out / "adapters.safetensors"), dict(tree_flatten(net.trainable_parameters())))
"""
UNTRACED = "candidate: python: nothing was traced"
ASKED = ["python", "train.py", "{seed}", "{steps}", "0.1", "{out}"]


def run(
    folder: Path,
    *,
    script: str = SCRIPT,
    candidate: list[str] = ASKED,
    seeds: str = "[1]",
) -> tuple[list[dict[str, Any]], int, str]:
    """The cells of a probe of two commands, the exit status, and what was said."""
    (folder / "train.py").write_text(script)
    (folder / "probe.toml").write_text(
        f'question = "Are two commands the same?"\nextends = "{ROOT}/probes/workloads/hello.toml"\n'
        f"[workload]\nsteps = 3\nseeds = {seeds}\n[reference]\ncommand = {json.dumps(ASKED)}\n"
        f'[candidate]\ncommand = {json.dumps(candidate)}\npython = "{sys.executable}"\n'
        '[expect]\nverdict = "identical"\n'
    )
    done = parity("run", folder / "probe.toml", "--out", folder / "run", "--json", folder / "out.json")
    (probe,) = json.loads((folder / "out.json").read_text())["probes"]
    return probe["cells"], done.returncode, done.stdout + done.stderr


def test_our_loop_takes_the_steps_of_the_command_that_people_type(tmp_path: Path) -> None:
    arguments = ("--seeds", "1", "--steps", "3", "--out", tmp_path / "run", "--json", tmp_path / "out.json")
    done = parity("run", CURRENT / "cli.toml", *arguments)
    assert done.returncode == 0, done.stdout
    (probe,) = json.loads((tmp_path / "out.json").read_text())["probes"]
    (cell,) = probe["cells"]
    assert (cell["verdict"], cell["steps"], cell["control"]["status"]) == ("identical", 3, "same")
    compared = {"trainable", "base_at_start", "batch", "tokens", "loss", "gradient", "clipped", "lr", "params", "saved"}
    assert compared <= cell["metrics"].keys()
    spots = {spot["what"] for spot in probe["blind_spots"]}
    assert {"what an arm leaves behind in a process", "the weights as they were loaded"} <= spots


def test_two_commands_are_the_same_or_diverge_where_they_differ(tmp_path: Path) -> None:
    (cell,), status, said = run(tmp_path)
    assert (cell["verdict"], status) == ("identical", 0), said
    other = tmp_path / "other"
    other.mkdir()
    (cell,), status, _ = run(other, candidate=[*ASKED[:4], "0.2", "{out}"])
    at = cell["first_divergence"]
    assert (cell["verdict"], status, at["step"], at["stage"], at["metric"]) == ("diverged", 1, 1, "schedule", "lr")


def test_a_seed_that_the_command_ignores_is_an_alarm(tmp_path: Path) -> None:
    ignoring = SCRIPT.replace("mx.random.seed(seed)", "mx.random.seed(0)")
    cells, status, said = run(tmp_path, script=ignoring, seeds="[1, 42]")
    assert (status, [cell["verdict"] for cell in cells]) == (0, ["identical", "identical"])
    ends = "it ends as at seed 1, to the bit: its seed changes nothing"
    assert cells[1]["alarms"] == [f"reference: {ends}", f"candidate: {ends}"]
    assert "2 alarms of an arm by itself" in said


@pytest.mark.parametrize(
    ("candidate", "status", "why"),
    [
        (["no-such-program", "{seed}"], 3, "candidate: no-such-program: no such command"),
        (["python", "-c", "print({seed})"], 3, f"{UNTRACED}: it never imports MLX"),
        (
            ["python", "train.py", "{seed}", "0", "0.1", "{out}"],
            3,
            f"{UNTRACED}: it took no step that MLX's optimizers know",
        ),
        (["python", "train.py", "{seed}", "{steps}"], 3, f"{UNTRACED}: IndexError: list index out of range"),
        (["python", "train.py", "{seed}", "5", "0.1", "{out}"], 3, "candidate: a complete trace with 5 of 3 steps"),
        (["python", "train.py", "{seed}", "{steps}", "0.1", "/none"], 3, "candidate: python ended with exit status 1"),
    ],
)
def test_a_command_that_does_not_train_as_asked_fails_by_name(
    tmp_path: Path, candidate: list[str], status: int, why: str
) -> None:
    (cell,), found, _ = run(tmp_path, candidate=candidate)
    assert (cell["verdict"], found) == ("invalid", status)
    assert cell["failure"].startswith(why)
