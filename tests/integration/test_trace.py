"""`parity trace` on commands as people type them: every step is seen, and nothing about the command changes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import parity
from parity.judge.diff import diff, recording
from parity.judge.verdict import Thresholds, judge
from parity.trace.file import read_trace
from tests.integration.running import ROOT
from tests.integration.small import small

if TYPE_CHECKING:
    from parity.trace.values import Trace

BIN = Path(sys.executable).parent
LOOP = """
import sys
import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn

mx.random.seed(3)
net = nn.Linear(4, 3)
step, sgd = nn.value_and_grad(net, lambda net, x: mx.square(net(x)).mean()), optim.SGD(0.1)
for number in range(4):
    loss, gradient = step(net, mx.ones((2, 4)) * number)
    sgd.update(net, gradient)
    print(loss.item())
print(sys.stdin.read(), *sys.argv[1:])
sys.exit(3)
"""


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("parity: ")]


def run(*command: str | Path, cwd: Path, text: str = "", **environment: str) -> Ran:
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, input=text, capture_output=True, text=True, check=False, timeout=120,
        env=os.environ | environment,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def trace(
    out: str, *command: str | Path, cwd: Path, steps: int | None = None, text: str = "", **environment: str
) -> Ran:
    limit = [] if steps is None else ["--steps", str(steps)]
    asked = [BIN / "parity", "trace", "--out", out, *limit, "--", *command]
    return run(*asked, cwd=cwd, text=text, **environment)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "loop.py").write_text(LOOP)
    return tmp_path


def lora(folder: Path, seed: int = 7, **more: object) -> Path:
    """A configuration of `mlx_lm.lora` on the small model, which reports each tenth step."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    rows = (ROOT / "fixtures" / "data" / "varied" / "train.jsonl").read_text().splitlines(keepends=True)
    (data / "train.jsonl").write_text("".join(rows[:16]))
    asked = {
        "model": str(small().with_name("model")), "train": True, "data": str(data), "seed": seed, "iters": 3,
        "batch_size": 2, "num_layers": 4, "max_seq_length": 64, "steps_per_report": 10,
        "adapter_path": str(folder / "adapters"),
    }  # fmt: skip
    path = folder / f"lora-{seed}.yaml"
    path.write_text(json.dumps(asked | more))  # JSON is YAML
    return path


def adapters(folder: Path) -> str:
    return hashlib.sha256((folder / "adapters" / "adapters.safetensors").read_bytes()).hexdigest()


def verdict(one: Trace, other: Trace) -> tuple[str, object]:
    found = judge(diff(recording(one), recording(other)), again=(), thresholds=Thresholds())
    at = found.first_divergence
    return str(found.kind), None if at is None else (at.step, str(at.stage))


def test_mlx_lm_lora_is_seen_at_every_step_and_writes_the_same_adapters(tmp_path: Path) -> None:
    config = lora(tmp_path)
    assert run(BIN / "mlx_lm.lora", "--config", config, cwd=tmp_path).status == 0
    bare = adapters(tmp_path)
    for out, seed in (("a", 7), ("b", 7), ("c", 8)):
        ran = trace(out, BIN / "mlx_lm.lora", "--config", lora(tmp_path, seed), cwd=tmp_path)
        assert ran.status == 0
        assert ran.said == [
            f"parity: {out}/trace.jsonl: 3 steps; not seen: base (nothing tells when the model was loaded)"
        ]
        if seed == 7:
            assert adapters(tmp_path) == bare
    one, again, other = (read_trace(tmp_path / out / "trace.jsonl") for out in "abc")
    assert verdict(one, again) == ("identical", None)
    assert verdict(one, other) == ("diverged", (0, "adapt"))
    assert one.start is not None
    assert one.start.effective["optimizer.class"] == "Adam"
    assert one.header.declared["command"] == [str(BIN / "mlx_lm.lora"), "--config", str(lora(tmp_path))]


def test_accumulation_is_found(tmp_path: Path) -> None:
    config = lora(tmp_path, iters=4, grad_accumulation_steps=2, optimizer="adamw")
    ran = trace("out", sys.executable, "-m", "mlx_lm", "lora", "--config", config, cwd=tmp_path)
    assert ran.status == 0
    found = read_trace(tmp_path / "out" / "trace.jsonl")
    assert [step.counter for step in found.steps] == [1, 2]
    assert found.start is not None
    assert found.start.effective["accumulation"] == 2


@pytest.mark.parametrize("how", ["script", "module", "shell"])
def test_input_output_and_status_are_the_commands_own(script: Path, how: str) -> None:
    shell = script / "run.sh"
    shell.write_text(f'#!/bin/sh\nexec "{sys.executable}" loop.py "$@"\n')
    shell.chmod(0o755)
    commands: dict[str, list[str | Path]] = {
        "script": [sys.executable, "loop.py", "--steps", "9"],
        "module": [sys.executable, "-m", "loop", "--steps", "9"],
        "shell": ["./run.sh", "--steps", "9"],
    }
    bare = run(*commands[how], cwd=script, text="words")
    traced = trace("out", *commands[how], cwd=script, text="words")
    assert (traced.status, traced.out) == (bare.status, bare.out) == (3, traced.out)
    assert traced.out.endswith("words --steps 9\n")
    assert [step.step for step in read_trace(script / "out" / "trace.jsonl").steps] == [1, 2, 3, 4]


def test_what_a_command_changes_between_two_steps_is_the_update_of_the_step_before(script: Path) -> None:
    nudged = "net.update({name: leaf * (1 + 2**-20) for name, leaf in net.parameters().items()})"
    nudge = f"    if number == 1:\n        {nudged}\n"
    (script / "nudged.py").write_text(LOOP.replace("    print(loss.item())\n", "    print(loss.item())\n" + nudge))
    for name in ("loop", "nudged"):
        trace(name, sys.executable, f"{name}.py", cwd=script)
    one, other = (read_trace(script / name / "trace.jsonl") for name in ("loop", "nudged"))
    assert verdict(one, other) == ("diverged", (2, "update"))


def test_as_many_steps_as_asked_for_end_the_command_with_status_0(script: Path) -> None:
    ran = trace("out", sys.executable, "loop.py", cwd=script, steps=2)
    assert (ran.status, len(ran.out.splitlines())) == (0, 2)
    found = read_trace(script / "out" / "trace.jsonl")
    assert (len(found.steps), found.header.steps, found.ending.complete) == (2, 2, True)
    assert found.end is not None


def test_a_sitecustomize_that_was_there_runs_and_so_does_a_module_of_our_name(script: Path) -> None:
    (script / "there").mkdir()
    (script / "there" / "sitecustomize.py").write_text("print('customized')\n")
    (script / "parity.py").write_text("theirs = 'theirs'\n")
    (script / "loop.py").write_text("import parity; print(parity.theirs)\n" + LOOP + "\n")
    ran = trace("out", sys.executable, "loop.py", cwd=script, PYTHONPATH=str(script / "there"))
    assert ran.out.splitlines().count("theirs") == 1
    assert "customized" in ran.out
    assert len(read_trace(script / "out" / "trace.jsonl").steps) == 4


def test_each_rank_has_a_trace(script: Path) -> None:
    shell = script / "run.sh"
    shell.write_text(f'#!/bin/sh\nfor rank in 0 1; do MLX_RANK=$rank "{sys.executable}" loop.py </dev/null; done\n')
    shell.chmod(0o755)
    ran = trace("out", "./run.sh", cwd=script)
    assert [line.partition(":")[2].split(":")[0].strip() for line in ran.said] == [
        "out/trace-0.jsonl",
        "out/trace-1.jsonl",
    ]


BEFORE = "import mlx.core as mx, mlx.optimizers as optim, os, signal\nfrom mlx import nn\n"


@pytest.mark.parametrize(
    ("code", "status", "why"),
    [
        ("print(1)", 5, "it never imports MLX, or is a Python that ignores PYTHONPATH (-I, -E)"),
        (BEFORE, 5, "it took no step that MLX's optimizers know of"),
        (BEFORE + "raise KeyError('x')", 1, "KeyError: 'x'"),
        (
            "import mlx.optimizers as o; del o.Optimizer.apply_gradients",
            5,
            "it took no step that MLX's optimizers know of",
        ),
    ],
    ids=["no MLX", "no training", "dies before its first update", "no optimizer is called"],
)
def test_where_nothing_was_traced_it_says_why_and_leaves_nothing(
    tmp_path: Path, code: str, status: int, why: str
) -> None:
    ran = trace("out", sys.executable, "-c", code, cwd=tmp_path)
    assert ran.status == status
    assert len(ran.said) == 1
    assert ran.said[0].endswith(f": nothing was traced: {why}")
    assert not (tmp_path / "out").exists()


def test_a_command_that_is_killed_leaves_the_steps_that_it_took(script: Path) -> None:
    (script / "loop.py").write_text(LOOP.replace("sys.exit(3)", "import os; os.kill(os.getpid(), 9)"))
    ran = trace("out", sys.executable, "loop.py", cwd=script)
    assert ran.status == 137
    assert ran.said[0].endswith("; not to its end: it was killed by SIGKILL")
    found = read_trace(script / "out" / "trace.jsonl")
    assert (len(found.steps), found.ending.complete) == (2, False)  # the third was only now known to be evaluated


def test_what_a_library_does_at_exit_comes_after_the_end(script: Path) -> None:
    """As mlx-vlm does when it is imported."""
    (script / "loop.py").write_text(
        LOOP.replace("mx.random.seed(3)", "import atexit; atexit.register(mx.clear_streams)")
    )
    assert trace("out", sys.executable, "loop.py", cwd=script).status == 3
    found = read_trace(script / "out" / "trace.jsonl")
    assert found.ending.complete, found.ending.why
    assert found.end is not None


def test_a_training_that_raises_is_not_complete(script: Path) -> None:
    (script / "loop.py").write_text(LOOP.replace("sys.exit(3)", "raise ValueError('no more')"))
    ran = trace("out", sys.executable, "loop.py", cwd=script)
    assert ran.status == 1
    assert ran.said[0].endswith("; not to its end: ValueError: no more")
    assert len(read_trace(script / "out" / "trace.jsonl").steps) == 4


@pytest.mark.parametrize("trains", ["parent", "child"])
def test_of_a_process_and_its_fork_the_one_that_trains_is_traced(script: Path, trains: str) -> None:
    """MLX itself does not survive a fork once it has computed: the fork comes before, or trains nothing."""
    waits = "import os, sys\nif os.fork():\n    os.wait()\n    sys.exit(0)\n"
    ends = "import os\nif not os.fork():\n    sys.exit(0)\nos.wait()\n"
    parts = [BEFORE, waits, LOOP] if trains == "child" else [LOOP.replace("sys.exit(3)", ends)]
    (script / "loop.py").write_text("\n".join(parts))
    assert trace("out", sys.executable, "loop.py", cwd=script).status == 0
    found = read_trace(script / "out" / "trace.jsonl")
    assert ([step.step for step in found.steps], found.ending.complete) == ([1, 2, 3, 4], True)


def test_mistakes_are_one_line_each_and_run_nothing(script: Path) -> None:
    (script / "old").mkdir()
    (script / "old" / "trace.jsonl").write_text("mine\n")
    (script / "file").write_text("")
    for out, command, said in [
        ("new", ["no-such-thing"], "parity: no-such-thing: no such command"),
        ("new", ["loop.py"], "parity: loop.py: no such command; write: python loop.py"),
        ("old", ["true"], "parity: old: holds a trace already (trace.jsonl); choose another folder, or remove it"),
        ("file", ["true"], "parity: file: not a folder; choose another one"),
    ]:  # fmt: skip
        ran = trace(out, *command, cwd=script)
        assert (ran.status, ran.out, ran.err) == (2, "", said + "\n")
    assert (script / "old" / "trace.jsonl").read_text() == "mine\n"
    assert not (script / "new").exists()


def test_a_script_traces_itself(tmp_path: Path) -> None:
    import mlx.core as mx
    import mlx.optimizers as optim
    from mlx import nn

    net = nn.Linear(2, 1)
    step, sgd = nn.value_and_grad(net, lambda net, x: net(x).sum()), optim.SGD(0.1)
    reached = 0
    with parity.traced(tmp_path / "run", steps=3):
        for _ in range(5):
            sgd.update(net, step(net, mx.ones((1, 2)))[1])
            mx.eval(net.state)
            reached += 1
    found = read_trace(tmp_path / "run" / "trace.jsonl")
    assert (reached, len(found.steps), found.ending.complete) == (2, 3, True)
    with pytest.raises(parity.errors.ParityError, match="holds a trace already"), parity.traced(tmp_path / "run"):
        pass
