"""A stage that comes from the other library really does, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, cells, parity, probe_file

if TYPE_CHECKING:
    from pathlib import Path

LOOP = 'provider = "mlx-lm"\nstages = {{ {} }}\nsettings = {{ {} }}'
ZOO = 'provider = "unsloth-zoo"\nstages = {{ {} }}\nsettings = {{ max_grad_value = 0.0 }}'
WEIGHTS = 'load = "mlx-lm", adapt = "mlx-lm"'
KNOWN = f'{WEIGHTS}, forward = "mlx-lm", loss = "mlx-lm"'
"""What has to come from mlx-lm before the zoo of today takes the same steps."""

COSINE = '[workload.schedule]\nname = "cosine"\nwarmup = 1'
LARGE = "[workload.lora]\nscale = 40.0"
"""Gradients that clipping at 1.0 binds."""

IDENTICAL: dict[str, tuple[str, str]] = {
    "loop, zoo's loader and wiring": (LOOP.format('load = "unsloth-zoo", adapt = "unsloth-zoo"', ""), ""),
    "loop, zoo's batches": (LOOP.format('batch = "unsloth-zoo"', ""), ""),
    "loop, zoo's schedule": (LOOP.format('schedule = "unsloth-zoo"', ""), ""),
    "loop, zoo's optimizer": (LOOP.format('update = "unsloth-zoo"', ""), ""),
    "loop, zoo's clipping off": (LOOP.format('clip = "unsloth-zoo"', "max_grad_value = 0.0"), LARGE),
    "zoo, all of the loop's": (ZOO.format(f'{KNOWN}, batch = "mlx-lm", clip = "mlx-lm", update = "mlx-lm"'), ""),
    "zoo, the loop's schedule": (ZOO.format(f'{KNOWN}, schedule = "mlx-lm"'), COSINE),
    "zoo, the loop's update, decayed": (
        ZOO.format(f'{KNOWN}, update = "mlx-lm"'),
        "[workload.optimizer]\nweight_decay = 0.1",
    ),
    "train(), the loop's parts": ('provider = "mlx-lm-train"\nstages = { loss = "mlx-lm", batch = "mlx-lm" }', ""),
    "train(), zoo's wiring and optimizer": (
        'provider = "mlx-lm-train"\nstages = { adapt = "unsloth-zoo", update = "unsloth-zoo" }',
        "",
    ),
}
DIVERGED: dict[str, tuple[str, str, tuple[int, str, str]]] = {
    "loop, zoo's loss": (LOOP.format('loss = "unsloth-zoo"', ""), "", (1, "loss", "tokens")),
    "loop, zoo's cce": (LOOP.format('loss = "unsloth-zoo"', "use_cce = true"), "", (1, "loss", "tokens")),
    "loop, zoo's forward": (LOOP.format('forward = "unsloth-zoo"', ""), "", (0, "forward", "base_at_start")),
    "loop, zoo's float16": (LOOP.format('load = "unsloth-zoo"', 'dtype = "float16"'), "", (0, "load", "base")),
    "loop, zoo's clipping": (LOOP.format('clip = "unsloth-zoo"', ""), LARGE, (1, "clip", "clipped_norm")),
    "loop, zoo's clipping by value": (
        LOOP.format('clip = "unsloth-zoo"', "max_grad_value = 0.01"),
        "",
        (1, "clip", "clipped_norm"),
    ),
    "loop, zoo's global clipping": (
        LOOP.format('clip = "unsloth-zoo"', "max_grad_norm = 1.0"),
        LARGE,
        (1, "clip", "clipped_norm"),
    ),
    "zoo, the loop's clipping": (
        f'provider = "unsloth-zoo"\nstages = {{ {KNOWN}, clip = "mlx-lm" }}\nsettings = {{ clip_grad_norm = 1.0 }}',
        LARGE,
        (1, "clip", "clipped_norm"),
    ),
    "zoo, the loop's forward": (ZOO.format(f'{WEIGHTS}, forward = "mlx-lm"'), "", (1, "loss", "tokens")),
    "zoo, the loop's loss": (ZOO.format(f'{WEIGHTS}, loss = "mlx-lm"'), "", (0, "forward", "base_at_start")),
    "zoo, the loop's batches": (ZOO.format(f'{WEIGHTS}, batch = "mlx-lm"'), "", (0, "forward", "base_at_start")),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("swapped")
    arms = IDENTICAL | {name: (arm, more) for name, (arm, more, _) in DIVERGED.items()}
    for name, (arm, more) in arms.items():
        probe_file(folder / "probes" / f"{name}.toml", candidate=arm, workload=more, expect='verdict = "identical"')
    done = parity("run", folder / "probes", "--jobs", "2", "--out", folder / "run", "--json", folder / "out.json")
    assert done.returncode == 1, done.stdout + done.stderr
    return cells(folder / "out.json")


@pytest.mark.parametrize("arm", IDENTICAL)
def test_a_stage_that_both_libraries_do_alike_changes_nothing(found: dict[str, dict[str, Any]], arm: str) -> None:
    assert (found[arm]["verdict"], found[arm]["failure"]) == ("identical", "")


@pytest.mark.parametrize("arm", DIVERGED)
def test_a_stage_that_differs_is_named_where_it_is_swapped_in(found: dict[str, dict[str, Any]], arm: str) -> None:
    at = found[arm]["first_divergence"]
    assert at is not None, found[arm]["reason"]
    assert (at["step"], at["stage"], at["metric"]) == DIVERGED[arm][2]


def test_mlx_lms_loss_in_the_zoo_leaves_the_norms_as_the_second_cause(found: dict[str, dict[str, Any]]) -> None:
    metrics = found["zoo, the loop's loss"]["metrics"]
    assert {name: metrics[name]["first_step"] for name in ("tokens", "loss", "base")} == {
        "tokens": None,
        "loss": 1,
        "base": None,
    }


REFUSED = {
    "a loss under cce": (
        f'provider = "unsloth-zoo"\nstages = {{ {WEIGHTS}, loss = "mlx-lm" }}\nsettings = {{ use_cce = true }}',
        "",
        "its loss cannot be replaced here; remove stages.loss",
    ),
    "an eager train()": (
        'provider = "mlx-lm-train"',
        "compile = false",
        "mlx-lm-train always compiles its step: use provider 'mlx-lm' for workload.compile = false",
    ),
    "no bias correction": (
        'provider = "unsloth-zoo"',
        "[workload.optimizer]\nbias_correction = false",
        "unsloth-zoo's MLXTrainer always corrects Adam's bias; take stages.update from another provider, "
        "or set bias_correction = true",
    ),
    "zoo wiring in full": (
        'provider = "mlx-lm"\nstages = { adapt = "unsloth-zoo" }',
        'tuning = "full"',
        'unsloth-zoo trains either all layers in full or none; set stages.adapt = "mlx-lm" for the last few',
    ),
    "masked chat": (
        'provider = "unsloth-zoo"',
        f'data = "{ROOT}/fixtures/data/chat"\nmask_prompt = true',
        "masks the prompts of chat rows with `train_on_responses_only`, which needs torch; "
        "use completion rows, or take stages.batch from another provider",
    ),
    "masked batches": (
        'provider = "mlx-lm"\nstages = { batch = "unsloth-zoo" }',
        f'data = "{ROOT}/fixtures/data/completions"\nmask_prompt = true',
        "unsloth-zoo cannot lend masked batches; remove stages.batch",
    ),
    "a keyword that does not exist": (
        'provider = "unsloth-zoo"\nkeywords = { MLXTrainingConfig = { max_grad_nrm = 1.0 } }',
        "",
        "MLXTrainingConfig has no 'max_grad_nrm'; remove it, or pin a different release",
    ),
}


def test_what_cannot_be_swapped_here_is_one_line_each_and_the_others_go_on(tmp_path: Path) -> None:
    for name, (arm, more, _) in REFUSED.items():
        probe_file(tmp_path / "p" / f"{name}.toml", candidate=arm, workload=more, expect='verdict = "identical"')
    done = parity("run", tmp_path / "p", "--jobs", "2", "--out", tmp_path / "run", "--json", tmp_path / "out.json")
    assert done.returncode == 3
    failures = {name: cell["failure"] for name, cell in cells(tmp_path / "out.json").items()}
    assert {name: failures[name].endswith(REFUSED[name][2]) for name in REFUSED} == dict.fromkeys(REFUSED, True), (
        failures
    )
