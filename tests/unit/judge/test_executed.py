from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from parity.judge.executed import same_code, strays
from parity.probe.values import ArmName
from parity.trace.values import Executed, Trace
from tests.unit.made import END, HEADER, START, trace

LOSS = Executed(
    distribution="mlx-lm 0.32.2", path="mlx_lm/tuner/trainer.py", digest="aa", functions=("default_loss", "iterate")
)
LINEAR = Executed(distribution="mlx 0.32.4", path="mlx/nn/linear.py", digest="bb", functions=("Linear.__call__",))
OWN = Executed(distribution="other 1.0", path="other/train.py", digest="cc", functions=("fit",))
ADAPTER = Executed(distribution="", path="other_provider.py", digest="dd", functions=("Other.train",))


def arm(provider: str, *files: Executed, claims: tuple[str, ...] = ("mlx-lm",)) -> Trace:
    header: dict[str, Any] = {
        "declared": {"provider": provider},
        "provenance": {**HEADER.provenance, "claims": list(claims)},
    }
    return trace(header=replace(HEADER, **header), start=replace(START, executed=files))


def cell(candidate: Trace, again: Trace | None = None) -> dict[ArmName, Trace]:
    reference = arm("mlx-lm", LOSS, LINEAR)
    return {
        ArmName.REFERENCE: reference,
        ArmName.CANDIDATE: candidate,
        ArmName.REFERENCE_AGAIN: again or reference,
    }


SAME = "both arms executed the same code: 2 functions of mlx-lm 0.32.2, 1 of mlx 0.32.4"


def test_two_providers_that_ran_the_same_code_cannot_be_told_apart() -> None:
    assert same_code(cell(arm("mlx-lm-train", LOSS, LINEAR))) == SAME


@pytest.mark.parametrize(
    "changed",
    [
        {"functions": ("default_loss", "iterate", "train")},
        {"digest": "ab"},
        {"path": "mlx_lm/other.py"},
    ],
)
def test_another_function_file_or_content_is_other_code(changed: dict[str, Any]) -> None:
    assert same_code(cell(arm("mlx-lm-train", replace(LOSS, **changed), LINEAR))) == ""


def test_one_provider_on_both_sides_runs_the_same_code_and_may() -> None:
    assert same_code(cell(arm("mlx-lm", LOSS, LINEAR))) == ""


def test_what_importing_runs_in_the_first_arm_alone_hides_nothing() -> None:
    once = replace(LOSS, functions=("default_loss", "iterate", "register"))
    traces = cell(arm("mlx-lm-train", LOSS, LINEAR)) | {ArmName.REFERENCE: arm("mlx-lm", once, LINEAR)}
    assert same_code(traces) == SAME


def test_the_module_of_a_provider_counts_where_it_claims_the_same_library() -> None:
    assert same_code(cell(arm("faulty", LOSS, LINEAR, ADAPTER))) == ""


def test_the_module_of_a_provider_is_no_proof_of_another_library() -> None:
    pretender = arm("other", LOSS, LINEAR, ADAPTER, claims=("other",))
    assert same_code(cell(pretender)) == f"{SAME}; the candidate executed no code of other"


def test_a_library_of_which_nothing_ran_is_a_doubt_by_itself() -> None:
    changed = replace(LOSS, functions=("default_loss",))
    assert same_code(cell(arm("other", changed, LINEAR, claims=("mlx-lm", "other")))) == (
        "the candidate executed no code of other, which its provider claims; the provider's own module does not count"
    )
    assert same_code(cell(arm("other", LOSS, OWN, claims=("other",)))) == ""


def test_code_that_was_not_seen_at_all_is_no_proof() -> None:
    assert same_code(cell(arm("other", claims=("other",)))).startswith("the candidate executed no code of other")


def test_code_that_lies_elsewhere_is_shown_once_a_distribution() -> None:
    away = [replace(each, outside=f"/checkout/{each.path}") for each in (LOSS, replace(LOSS, path="mlx_lm/utils.py"))]
    assert strays(cell(arm("mlx-lm-train", *away, LINEAR))) == (
        "the candidate executed mlx_lm/tuner/trainer.py from /checkout/mlx_lm/tuner/trainer.py and 1 more files, "
        "not from the installed mlx-lm 0.32.2",
    )
    assert strays(cell(arm("mlx-lm-train", LOSS))) == ()


def test_functions_that_an_arm_leaves_changed_are_counted_and_the_first_is_named() -> None:
    traces = cell(arm("mlx-lm-train", LOSS))
    for names, said in (
        (("mlx.nn.Module.eval",), "the candidate leaves mlx.nn.Module.eval changed"),
        (("a.b", "a.c", "a.d"), "the candidate leaves a.b and 2 more functions changed"),
    ):
        candidate = traces[ArmName.CANDIDATE]
        left = traces | {ArmName.CANDIDATE: replace(candidate, end=replace(END, patched=names))}
        assert strays(left) == (said,)
