from __future__ import annotations

from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from parity.metrics import Stage
from parity.probe.values import Arm, Expectation, Lora, Optimizer, VerdictKind
from parity.report.catalogue import arms, catalogue_markdown, print_catalogue
from tests.unit.made import PROBE

if TYPE_CHECKING:
    from parity.probe.values import Probe

RELEASES = {"mlx-lm": "0.31.1", "unsloth-zoo": "2026.5.3"}


def candidate(**changed: Any) -> Probe:
    return replace(PROBE, candidate=Arm(provider="unsloth-zoo", **changed))


def table(*probes: Probe, width: int) -> list[str]:
    console = Console(file=StringIO(), width=width, highlight=False)
    print_catalogue(console, probes)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        (PROBE, "mlx-lm-train against mlx-lm"),
        (replace(PROBE, environment=RELEASES), "mlx-lm-train against mlx-lm 0.31.1"),
        (replace(candidate(), environment=RELEASES), "unsloth-zoo 2026.5.3 against mlx-lm 0.31.1"),
        (
            candidate(stages={Stage.LOAD: "mlx-lm", Stage.CLIP: "faulty", Stage.ADAPT: "mlx-lm"}),
            "unsloth-zoo (load, adapt: mlx-lm; clip: faulty) against mlx-lm",
        ),
        (
            replace(candidate(stages={Stage.LOAD: "mlx-lm", Stage.LOSS: "unsloth-zoo"}), environment=RELEASES),
            "unsloth-zoo 2026.5.3 (load: mlx-lm 0.31.1; loss: unsloth-zoo) against mlx-lm 0.31.1",
        ),
        (
            candidate(settings={"max_grad_value": 0.0, "eps": 1e-7, "use_cce": True, "optim": "lion", "every": 2}),
            "unsloth-zoo (max_grad_value 0; eps 1e-07; use_cce true; optim lion; every 2) against mlx-lm",
        ),
        (
            candidate(keywords={"get_peft_model": {"r": 4, "rslora": False}, "Config": {"seed": 1}}),
            "unsloth-zoo (get_peft_model r 4, get_peft_model rslora false; Config seed 1) against mlx-lm",
        ),
        (
            candidate(workload=replace(PROBE.workload, accumulation=3, batch_size=2, lora=Lora(layers=18))),
            "unsloth-zoo (batch_size 2; accumulation 3; layers 18) against mlx-lm",
        ),
        (candidate(workload=PROBE.workload), "unsloth-zoo against mlx-lm"),
        (
            replace(
                PROBE,
                reference=Arm(provider="command", command=("mlx_lm.lora", "--seed", "{seed}")),
                candidate=Arm(provider="command", command=("train",)),
            ),
            "train against mlx_lm.lora --seed …",
        ),
        (
            replace(
                PROBE,
                reference=Arm(
                    provider="mlx-lm",
                    workload=replace(PROBE.workload, optimizer=Optimizer(bias_correction=False)),
                ),
            ),
            "mlx-lm-train against mlx-lm (bias_correction false)",
        ),
    ],
)
def test_arms_are_told_by_what_they_do_otherwise(probe: Probe, said: str) -> None:
    assert arms(probe) == said


OUTCOMES = replace(
    PROBE,
    name="original/outcomes",
    expect=Expectation(
        verdict=VerdictKind.DIVERGED,
        stage=Stage.ADAPT,
        step=0,
        equal=("batch",),
        outcomes={"contains": VerdictKind.INCONCLUSIVE},
        because="curves differ, and how often the row is memorised does not.",
    ),
)


def test_a_probe_is_its_name_and_expectation_its_question_and_its_arms() -> None:
    assert table(PROBE, OUTCOMES, width=160) == [
        "current/self  identical",
        "  Is it the same?",
        "  mlx-lm-train against mlx-lm",
        "",
        "original/outcomes  diverged at step 0, stage adapt, contains inconclusive",
        "  Is it the same?",
        "  mlx-lm-train against mlx-lm",
        "",
    ]


def test_a_name_with_a_character_that_cannot_be_seen_names_it() -> None:
    hidden = replace(PROBE, name="current/se\u200blf", question="Is it\u2060 the same?")
    first, second, *_ = table(hidden, width=160)
    assert (first, second) == ("current/se⟨U+200B⟩lf  identical", "  Is it⟨U+2060⟩ the same?")


@pytest.mark.parametrize("width", [30, 80])
def test_no_width_breaks_a_name_or_costs_a_word(width: int) -> None:
    probe = replace(candidate(settings={"max_grad_value": 0.0}), name="original/two-causes-bias-fixed")
    found = table(replace(probe, question="Does [bold]this[/bold] stay as it is?"), width=width)
    assert found[0] == "original/two-causes-bias-fixed  identical"
    assert all(len(line) <= width for line in found[1:])
    said = "Does [bold]this[/bold] stay as it is? unsloth-zoo (max_grad_value 0) against mlx-lm"
    assert " ".join(" ".join(found[1:]).split()) == said


def test_markdown_is_a_table_with_a_link_a_probe() -> None:
    assert catalogue_markdown([PROBE, OUTCOMES]).splitlines() == [
        "| probe | question | arms | expected | because |",
        "| --- | --- | --- | --- | --- |",
        "| [current/self](current/self.toml) | Is it the same? | mlx-lm-train against mlx-lm | identical |  |",
        "| [original/outcomes](original/outcomes.toml) | Is it the same? | mlx-lm-train against mlx-lm "
        "| diverged at step 0, stage adapt, contains inconclusive "
        "| curves differ, and how often the row is memorised does not. |",
    ]
    assert catalogue_markdown([]).endswith("| --- |\n")


def test_what_a_probe_says_breaks_no_table() -> None:
    probe = replace(candidate(settings={"max_grad_value": "a|b"}), question="<b>@team</b> | [x](http://x)\n# c")
    header, _, row = catalogue_markdown([probe]).splitlines()
    assert row.replace("\\|", "").count("|") == header.count("|")
    for harm in ("<b>", "@team", "[x](http"):
        assert harm not in row
    assert "max\\_grad\\_value a\\|b" in row
