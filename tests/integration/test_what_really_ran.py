"""The effective configuration is read off the live objects, and what a library ignores is a warning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

ZOO = 'provider = "unsloth-zoo"\nstages = { load = "mlx-lm", adapt = "mlx-lm" }'
ARMS = {
    "misspelt": 'provider = "mlx-lm"\nstages = { adapt = "unsloth-zoo" }\n'
    "keywords = { get_peft_model = { finetune_last_n_layer = 2 } }",
    "ignored": f"{ZOO}\nsettings = {{ max_grad_value = 0.0 }}\n"
    "keywords = { MLXTrainingConfig = { dataset_num_proc = 4 } }",
    "overruled": f"{ZOO}\nsettings = {{ max_grad_value = 0.5, max_grad_norm = 1.0 }}",
    "forgotten": f'{ZOO}\nsettings = {{ max_grad_value = 0.0, lr_scheduler_type = "constant" }}\n'
    "workload = { schedule.warmup = 2 }",
    "left out": ZOO,
    "said": f"{ZOO}\nsettings = {{ max_grad_leaf_norm = 1.0 }}",
    "nothing": f"{ZOO}\nsettings = {{ max_grad_value = 0.0 }}",
    "six": 'provider = "mlx-lm"\nworkload = { lora.layers = 6, optimizer.bias_correction = false }',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("really")
    for name, arm in ARMS.items():
        probe_file(made / "probes" / f"{name}.toml", 1, candidate=arm, expect='verdict = "identical"')
    done = parity("run", made / "probes", "--jobs", "2", "--out", made / "run", "--json", made / "out.json")
    assert done.returncode == 1, done.stdout + done.stderr
    (made / "terminal.txt").write_text(done.stdout)
    return made


def told(folder: Path, name: str) -> list[tuple[str, Any, Any]]:
    ignored = cells(folder / "out.json")[name]["ignored"]
    assert {each["arm"] for each in ignored} <= {"candidate"}
    return [(each["name"], each["asked"], each["effective"]) for each in ignored]


@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        ("misspelt", ("get_peft_model.finetune_last_n_layer", 2, None)),
        ("ignored", ("MLXTrainingConfig.dataset_num_proc", 4, None)),
        ("overruled", ("MLXTrainingConfig.max_grad_norm", 1.0, 0.0)),
        ("forgotten", ("MLXTrainingConfig.warmup_steps", 2, 0)),
        ("left out", ("MLXTrainingConfig.max_grad_leaf_norm", None, 1.0)),
    ],
)
def test_what_is_ignored_is_told_with_both_values(folder: Path, name: str, ignored: tuple[str, Any, Any]) -> None:
    assert told(folder, name) == [ignored]


@pytest.mark.parametrize("name", ["said", "nothing", "six"])
def test_what_is_obeyed_is_not_told(folder: Path, name: str) -> None:
    assert told(folder, name) == []


def test_a_person_reads_the_warning_on_the_terminal_and_in_the_report(folder: Path) -> None:
    line = (
        "ignored: get_peft_model.finetune_last_n_layer: the candidate asks for 2; it has no effect "
        "(get_peft_model has no such parameter, but accepts any keyword)"
    )
    assert "settings accepted and not used\n" in (folder / "terminal.txt").read_text()
    assert line in parity("report", folder / "run", "-v").stdout
    assert (
        line.replace("_", "\\_").replace("(", "\\(").replace(")", "\\)") in (folder / "run" / "report.md").read_text()
    )


def test_a_difference_is_marked_declared_or_only_effective(folder: Path) -> None:
    def differences(name: str) -> dict[str, tuple[Any, Any, bool]]:
        rows = cells(folder / "out.json")[name]["effective"]
        return {row["name"]: (row["reference"], row["candidate"], row["declared"]) for row in rows}

    six = differences("six")
    assert six["lora.layers"] == (4, 6, True)
    assert six["optimizer.bias_correction"] == (True, False, True)
    assert six["trainable.tensors"] == (56, 84, True)
    left_out = differences("left out")
    assert left_out["clip"] == ("none", "leaf_norm 1", False)
    assert left_out["dtype.base"] == ("80 bfloat16", "43 bfloat16, 37 float32", False)
    assert differences("said")["clip"] == ("none", "leaf_norm 1", True)


def test_the_trace_keeps_the_whole_effective_configuration(folder: Path) -> None:
    trace = (folder / "run" / "traces" / "probes" / "said" / "1" / "candidate.jsonl").read_text().splitlines()
    start = next(row for row in map(json.loads, trace) if row["kind"] == "start")
    effective = start["effective"]
    assert effective["optimizer.class"] == "AdamW"
    assert effective["loss"].startswith("unsloth_zoo.mlx.")
    assert (effective["accumulation"], effective["clip"], effective["max_grad_leaf_norm"]) == (1, "leaf_norm 1", 1.0)
    assert effective["batch_shapes"][0][0] == 2
    assert (effective["lora.layers"], effective["lora.rank"], effective["lora.scale"]) == (4, 8, 2.0)
    assert len(start["trainable"]) == 56
