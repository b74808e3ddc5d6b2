from __future__ import annotations

import math
import struct
from dataclasses import replace

import pytest

from parity.golden.drift import Checked, Moved, drift, which_moved
from parity.golden.values import Group, golden_of, platform_of
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from tests.unit.made import HEADER, START, step, trace

GOLDEN = golden_of(trace(), {"batch_size": "6"})


def next_float32(value: float) -> float:
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    (after,) = struct.unpack("<f", struct.pack("<I", bits + 1))
    return float(after)


def test_a_reference_that_is_its_golden_did_not_move() -> None:
    found = drift(GOLDEN, GOLDEN)
    assert (found.moved, found.at, found.unequal, found.problems, found.changed) == (False, None, 0, (), ())
    assert found.compared == 5 + 3 * 9


def test_the_last_bit_of_one_value_is_named_with_stage_and_ulps() -> None:
    second = replace(GOLDEN.steps[1], loss=next_float32(2.5))
    found = drift(GOLDEN, replace(GOLDEN, steps=(GOLDEN.steps[0], second, GOLDEN.steps[2])))
    assert found.moved
    assert found.at is not None
    assert (found.at.step, found.at.stage, found.at.metric, found.at.ulp) == (2, Stage.LOSS, "loss", 1)
    assert (found.at.reference, found.unequal) == (2.5, 1)


def test_parameters_that_differ_are_found_before_the_first_step() -> None:
    other = dict(GOLDEN.groups) | {"base": Group(tensors=1, digest="00")}
    found = drift(GOLDEN, replace(GOLDEN, groups=other))
    assert found.at is not None
    assert (found.at.step, found.at.stage, found.at.metric, found.at.detail) == (0, Stage.LOAD, "base", "")
    assert (found.at.reference, found.at.candidate) == (f"1 tensors {GOLDEN.groups['base'].digest}", "1 tensors 00")


@pytest.mark.parametrize("changed", [{"dtype": "float32"}, {"shape": (32,)}, {"digest": "12"}])
def test_dtype_shape_and_bytes_of_every_tensor_are_in_its_group(changed: dict[str, object]) -> None:
    tensor = replace(START.loaded["model.norm.weight"], **changed)  # type: ignore[arg-type]
    other = golden_of(trace(start=replace(START, loaded={"model.norm.weight": tensor})), {})
    assert other.groups["base"].digest != GOLDEN.groups["base"].digest
    renamed = golden_of(trace(start=replace(START, loaded={"norm": START.loaded["model.norm.weight"]})), {})
    assert renamed.groups["base"].digest != GOLDEN.groups["base"].digest


def test_a_nan_in_both_is_no_pass() -> None:
    nan = replace(GOLDEN, steps=(replace(GOLDEN.steps[0], loss=math.nan), *GOLDEN.steps[1:]))
    found = drift(nan, nan)
    assert found.moved
    assert found.problems == ("NaN in both: loss at step 1",)


def test_a_step_that_is_missing_is_no_pass() -> None:
    found = drift(GOLDEN, replace(GOLDEN, steps=GOLDEN.steps[:2]))
    assert found.moved
    assert found.problems == ("missing step: only the reference has step 3",)


def test_what_changed_since_is_named() -> None:
    now = {**GOLDEN.environment, "mlx": "0.33.0", "unsloth-zoo": "2026.11.1"}
    del now["compiler"]
    found = drift(GOLDEN, replace(GOLDEN, environment=now))
    assert [str(each) for each in found.changed] == [
        "mlx 0.32.4 → 0.33.0",
        "compiler g++ 12.2.0 → unknown",
        "unsloth-zoo unknown → 2026.11.1",
    ]
    assert not found.moved


@pytest.mark.parametrize(
    ("moved", "trainer", "said"),
    [
        (False, VerdictKind.IDENTICAL, Moved.NEITHER),
        (False, VerdictKind.WITHIN, Moved.NEITHER),
        (False, VerdictKind.DIVERGED, Moved.TRAINER),
        (True, VerdictKind.IDENTICAL, Moved.ENVIRONMENT),
        (True, VerdictKind.INVALID, Moved.ENVIRONMENT),
        (True, VerdictKind.DIVERGED, Moved.BOTH),
    ],
)
def test_environment_and_trainer_are_told_apart(moved: bool, trainer: VerdictKind, said: Moved) -> None:
    now = replace(GOLDEN, steps=(replace(step(1), loss=9.0), *GOLDEN.steps[1:])) if moved else GOLDEN
    assert which_moved(drift(GOLDEN, now), trainer) is said


def test_a_platform_is_system_machine_and_device() -> None:
    assert platform_of(HEADER.provenance) == "linux-x86_64-cpu"
    mac = {"system": "Darwin", "machine": "arm64", "device": {"type": "gpu"}}
    assert platform_of({**HEADER.provenance, **mac}) == "macos-arm64-gpu"


def test_the_cells_that_moved_are_named() -> None:
    moved = drift(GOLDEN, replace(GOLDEN, steps=GOLDEN.steps[:2]))
    drifts = {("a", 1): drift(GOLDEN, GOLDEN), ("a", 2): moved}
    assert Checked(decides=True, platform="x", drifts=drifts, absent=()).moved == (("a", 2),)
