from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.errors import ExitStatus, ParityError
from parity.golden.folder import Goldens
from parity.judge.blind_spots import BlindSpot
from parity.metrics import Stage
from parity.probe.shard import MissingShards, Shard
from parity.probe.values import Arm
from parity.store.merge import Stored, merged
from parity.store.plan import Plan, Promised
from tests.unit.made import HEADER
from tests.unit.stored import FIRST, OTHER, PROBES

if TYPE_CHECKING:
    from parity.probe.values import Probe

HERE: dict[str, Any] = dict(HEADER.provenance) | {"parity": "0.1.0"}
GPU = HERE | {"device": {"type": "gpu", "deterministic": False, "name": "Apple M1"}}


def stored(number: int, of: int = 2, probes: tuple[Probe, ...] = PROBES, **changed: Any) -> Stored:
    shard = Shard(number=number, of=of)
    plan = Plan(probes=probes, shard=shard, **changed.pop("plan", {}))
    provenance = changed.pop("provenance", HERE)
    made = Stored(
        folder=Path(f"s{number}"),
        plan=plan,
        shard=shard,
        provenance={(probes[0].name, 1): (provenance,)},
        incomplete=(),
        ended=True,
        goldens=Goldens(decides=False, texts={}, passed_over=()),
    )
    return replace(made, **changed)


def refused(*shards: Stored) -> str:
    with pytest.raises(ParityError) as error:
        merged(shards)
    assert error.value.status is ExitStatus.USAGE
    assert "\n" not in str(error.value)
    return str(error.value)


def test_shards_in_any_order_make_the_whole_plan() -> None:
    spot = BlindSpot(stage=Stage.BATCH, what="padding", because="so")
    one = stored(
        1,
        plan={
            "blind_spots": {"current/self": (spot,)},
            "not_run": {"current/self": "why"},
            "models": {"a/b": "c0"},
            "promised": Promised(controls=(("current/self", 1),), canaries=("lora-rank",)),
        },
    )
    two = stored(
        2,
        plan={
            "blind_spots": {"current/other": (spot,)},
            "models": {"a/b": "c0", "a/d": "e1"},
            "promised": Promised(controls=(("current/self", 1),), goldens=("linux/a-1.txt",)),
        },
    )
    for shards in ((one, two), (two, one)):
        assert merged(shards) == Plan(
            probes=PROBES,
            blind_spots={"current/self": (spot,), "current/other": (spot,)},
            not_run={"current/self": "why"},
            models={"a/b": "c0", "a/d": "e1"},
            promised=Promised(controls=(("current/self", 1),), canaries=("lora-rank",), goldens=("linux/a-1.txt",)),
        )


def test_what_is_missing_or_incomplete_is_in_the_plan() -> None:
    half = replace(stored(2, of=4), incomplete=(("current/self", 42),))
    assert merged([stored(4, of=4), half]).missing_shards == MissingShards(of=4, missing=(1, 3), incomplete=(2,))
    assert merged([stored(1), replace(stored(2), ended=False)]).missing_shards == MissingShards(of=2, incomplete=(2,))


def test_the_same_shard_twice_is_refused() -> None:
    twice = replace(stored(2), folder=Path("again"))
    assert refused(stored(1), stored(2), twice) == "s2 and again are both shard 2 of 2; leave one of them out"


def test_shards_of_another_number_are_refused() -> None:
    assert refused(stored(1), stored(2, of=3)) == "s1 is shard 1 of 2, s2 is shard 2 of 3: not of the same run"


@pytest.mark.parametrize(
    ("probes", "said"),
    [
        ((FIRST,), "s1 has probe current/other, s2 does not: the shards have different plans"),
        (
            (*PROBES, replace(OTHER, name="current/more")),
            "s2 has probe current/more, s1 does not: the shards have different plans",
        ),
        ((OTHER, FIRST), "s1 and s2 have their probes in a different order: the shards have different plans"),
        (
            (FIRST, replace(OTHER, workload=replace(OTHER.workload, steps=4))),
            "current/other: workload.steps is 3 in s1, 4 in s2: the shards have different plans",
        ),
        (
            (FIRST, replace(OTHER, workload=replace(OTHER.workload, seeds=(1, 7)))),
            "current/other: workload.seeds is [1, 42] in s1, [1, 7] in s2: the shards have different plans",
        ),
        (
            (replace(FIRST, candidate=Arm(provider="mlx-lm-train", settings={"dtype": "float16"})), OTHER),
            'current/self: candidate.settings is {} in s1, missing in s2: the shards have different plans',
        ),
        (
            (replace(FIRST, environment={"mlx": "0.31.0"}), OTHER),
            "current/self: environment is {} in s1, missing in s2: the shards have different plans",
        ),
    ],
)  # fmt: skip
def test_shards_of_different_plans_are_refused_by_the_first_word_that_differs(
    probes: tuple[Probe, ...], said: str
) -> None:
    assert refused(stored(1), stored(2, probes=probes)) == said


def test_one_shard_with_goldens_that_decide_and_one_without_are_refused() -> None:
    gated = replace(stored(2), goldens=Goldens(decides=True, texts={}, passed_over=()))
    assert refused(stored(1), gated) == "s2 was run with --golden, s1 without: the shards have different plans"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"versions": {"mlx": "0.33.0"}}, "mlx is 0.32.4 in s1, 0.33.0 in s2"),
        ({"python": "3.12.1"}, "Python is 3.11.7 in s1, 3.12.1 in s2"),
        ({"parity": "0.2.0"}, "parity is 0.1.0 in s1, 0.2.0 in s2"),
        ({"machine": "arm64"}, "the platform is linux-x86_64-cpu in s1, linux-arm64-cpu in s2"),
        ({"system": "Darwin"}, "the platform is linux-x86_64-cpu in s1, macos-x86_64-cpu in s2"),
        (
            {"device": {"type": "gpu", "deterministic": True, "name": ""}},
            "the platform is linux-x86_64-cpu in s1, linux-x86_64-gpu in s2",
        ),
    ],
)
def test_shards_of_different_versions_are_refused_with_both(there: dict[str, Any], said: str) -> None:
    assert refused(stored(1), stored(2, provenance=HERE | there)) == (
        f"{said}: the shards have different versions; run all of them with the same"
    )


def test_another_kernel_or_cpu_is_no_other_platform_and_another_gpu_is() -> None:
    cpu = {"type": "cpu", "deterministic": True, "name": "another processor"}
    merged([stored(1), stored(2, provenance=HERE | {"platform": "Linux-7", "device": cpu})])
    other = GPU | {"device": GPU["device"] | {"name": "Apple M4"}}
    said = refused(stored(1, provenance=GPU), stored(2, provenance=other))
    assert said.startswith("the device is Apple M1 in s1, Apple M4 in s2: ")


def test_a_release_that_a_probe_pins_is_compared_with_those_that_pin_the_same() -> None:
    pinned = replace(OTHER, environment={"mlx": "0.31.0"})
    probes = (FIRST, pinned)
    older = HERE | {"versions": {"mlx": "0.31.0"}}
    one, two = stored(1, probes=probes), stored(2, probes=probes)
    merged([one, replace(two, provenance={("current/other", 1): (older,)})])
    assert refused(one, replace(two, provenance={("current/self", 42): (older,)})).startswith("mlx is 0.32.4 in s1")


def test_another_commit_of_a_model_is_refused() -> None:
    one, two = (stored(number, plan={"models": {"a/b": f"c{number}"}}) for number in (1, 2))
    assert refused(one, two).startswith("model a/b is c1 in s1, c2 in s2: ")


@pytest.mark.parametrize("odd", [{}, {"device": None, "versions": 3}, {"system": 1, "machine": []}])
def test_provenance_that_nothing_of_ours_wrote_is_compared_all_the_same(odd: dict[str, Any]) -> None:
    assert re.search(
        r" is .* in s1, .* in s2: the shards have different versions", refused(stored(1), stored(2, provenance=odd))
    )
