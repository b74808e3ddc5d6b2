"""Outcomes are measured of the trained model of each arm, and judged over the seeds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.running import ROOT, parity, probe_file
from tests.integration.small import small

if TYPE_CHECKING:
    from pathlib import Path

OUTCOMES = 'prompt = "<<HELLO!!>> My name is "\ncompletion = "Unsloth!"\ncontains = "Unsloth"\nmax_tokens = 6'


def run(folder: Path, candidate: str, expect: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    probe = probe_file(folder / "p.toml", extends="hello", candidate=candidate, outcomes=OUTCOMES, expect=expect)
    done = parity("run", probe, *arguments, "--out", folder / "run", "--json", folder / "out.json")
    found: dict[str, Any] = json.loads((folder / "out.json").read_text())["probes"][0]
    return done.returncode, found, done.stdout


def test_the_same_training_has_the_same_outcomes(tmp_path: Path) -> None:
    expect = 'verdict = "identical"\noutcomes = { post_train_loss = "identical", contains = "identical" }'
    status, found, _ = run(tmp_path, 'provider = "mlx-lm-train"', expect, "--seeds", "1,42")
    assert status == 0
    assert {name: outcome["verdict"] for name, outcome in found["outcomes"].items()} == {
        "post_train_loss": "identical",
        "completion_loss": "identical",
        "contains": "identical",
    }
    assert found["outcomes"]["post_train_loss"]["deltas"] == {"1": 0.0, "42": 0.0}


def test_another_training_has_other_outcomes_and_two_seeds_cannot_support_them(tmp_path: Path) -> None:
    candidate = 'provider = "mlx-lm"\nworkload = { optimizer.learning_rate = 0.01 }'
    expect = 'verdict = "diverged"\noutcomes = { post_train_loss = "diverged" }'
    status, found, said = run(tmp_path, candidate, expect, "--seeds", "1,42")
    assert status == 5
    assert found["outcomes"]["post_train_loss"]["verdict"] == "inconclusive"
    assert "post_train_loss is inconclusive" in said
    deltas = found["outcomes"]["post_train_loss"]["deltas"]
    assert all(delta < 0 for delta in deltas.values())  # a larger learning rate memorises sooner


def test_the_loss_after_training_is_the_mean_over_the_targets_of_the_row(tmp_path: Path) -> None:
    import mlx.core as mx
    from mlx import nn
    from mlx_lm import load

    probe = probe_file(
        tmp_path / "p.toml",
        extends="hello",
        candidate='provider = "mlx-lm"',
        outcomes=OUTCOMES,
        workload="[workload.optimizer]\nlearning_rate = 0.0",
        expect='verdict = "identical"',
    )
    assert parity("run", probe, "--out", tmp_path / "run").returncode == 5  # nothing is trained, all is measured
    lines = (tmp_path / "run" / "traces").rglob("reference.jsonl").__next__().read_text().splitlines()
    measured = next(row for row in map(json.loads, lines) if row["kind"] == "outcome")["metrics"]
    model, tokenizer = load(str(small().with_name("model")))[:2]
    tokens = mx.array([[*tokenizer.encode("<<HELLO!!>> My name is Unsloth!"), tokenizer.eos_token_id]])
    losses = nn.losses.cross_entropy(model(tokens[:, :-1]).astype(mx.float32), tokens[:, 1:])
    assert measured["post_train_loss"] == pytest.approx(losses.mean().item(), rel=1e-6)
    assert isinstance(measured["generated"], str)
    assert measured["contains"] is ("Unsloth" in measured["generated"])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"outcomes": 'prompt = "a"', "expect": 'verdict = "identical"\noutcomes = { contains = "identical" }'},
            "expect.outcomes.contains: this probe does not measure it; ask for it under [outcomes]",
        ),
        (
            {"outcomes": OUTCOMES, "expect": 'verdict = "identical"\noutcomes = { contain = "identical" }'},
            "expect.outcomes: unknown outcome 'contain'; did you mean 'contains'?",
        ),
        ({"outcomes": 'completion = "a"', "expect": 'verdict = "identical"'}, "'outcomes.prompt' is missing"),
    ],
)
def test_a_mistake_in_outcomes_is_one_line_and_exit_2(tmp_path: Path, tables: dict[str, str], message: str) -> None:
    probe = probe_file(tmp_path / "p.toml", candidate='provider = "mlx-lm"', **tables)
    done = parity("run", probe, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert message in done.stderr


def test_outcomes_of_a_model_without_a_tokenizer_are_refused_and_the_line_says_so(tmp_path: Path) -> None:
    bare = tmp_path / "model"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).symlink_to(ROOT / "fixtures" / "models" / "tiny-gemma3" / name)
    probe = probe_file(
        tmp_path / "p.toml",
        candidate='provider = "mlx-lm"',
        outcomes=OUTCOMES,
        workload=f'model = "{bare}"',
        expect='verdict = "identical"',
    )
    done = parity("run", probe, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        f"outcomes: model {bare} has no tokenizer; remove [outcomes], or use a model that has one"
    )


PUBLISHED = """# 10 of 15 against 7 of 15 with seven that differ were published; at which seeds was not
seed,manual loop,trainer
1,yes,yes
7,yes,no
42,yes,yes
123,no,yes
456,yes,no
789,no,no
999,yes,yes
1234,yes,no
3407,yes,yes
5678,no,yes
9012,yes,no
12345,no,no
22222,yes,yes
31415,yes,no
65535,no,no
"""


def test_the_published_outcomes_support_no_gap(tmp_path: Path) -> None:
    (tmp_path / "published.csv").write_text(PUBLISHED)
    done = parity("outcomes", tmp_path / "published.csv")
    assert done.returncode == 5
    assert done.stdout.splitlines() == [
        "reference: manual loop; candidate: trainer",
        "inconclusive: 10 of 15 against 7 of 15 seeds; exact McNemar p = 0.45, Fisher p = 0.46: these seeds do not "
        "prove a gap; it would take about 96 seeds (at best, 15 seeds reliably show a gap of 48 points)",
        "yes in the reference only: seeds 7, 456, 1234, 9012, 31415",
        "yes in the candidate only: seeds 123, 5678",
    ]
