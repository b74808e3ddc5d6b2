from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.errors import ExitStatus, ParityError
from parity.probe.shard import Shard, cells_of, dealt, postponed, read_shard, share
from parity.probe.values import Expectation, Probe, VerdictKind
from tests.unit.made import PROBE


def plan(*seeds: tuple[int, ...]) -> list[Probe]:
    """A probe for each tuple of seeds."""
    return [
        replace(PROBE, name=f"set/p{number}", workload=replace(PROBE.workload, seeds=each))
        for number, each in enumerate(seeds)
    ]


PLANS = st.lists(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6, unique=True).map(tuple), min_size=1)


@given(PLANS, st.data())
def test_shares_are_disjoint_complete_and_balanced(seeds: list[tuple[int, ...]], data: st.DataObject) -> None:
    probes = plan(*seeds)
    cells = cells_of(probes)
    of = data.draw(st.integers(1, len(cells)))
    shares = [cells_of(share(probes, Shard(number=number, of=of))) for number in range(1, of + 1)]
    assert sorted(chain(*shares)) == sorted(cells)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    for number, each in enumerate(shares, start=1):
        assert each == sorted(dealt(probes, Shard(number=number, of=of)), key=cells.index)


def test_cells_are_dealt_in_turn_in_the_order_of_the_plan() -> None:
    probes = plan((1, 42, 999), (7,), (1,))
    shares = [cells_of(share(probes, Shard(number=number, of=2))) for number in (1, 2)]
    assert shares == [
        [("set/p0", 1), ("set/p0", 999), ("set/p2", 1)],
        [("set/p0", 42), ("set/p1", 7)],
    ]


@pytest.mark.parametrize("text", ["2/5", "1/1", "5/5"])
def test_a_shard_is_read(text: str) -> None:
    shard = read_shard(text)
    assert f"{shard.number}/{shard.of}" == text


@pytest.mark.parametrize("text", ["0/5", "6/5", "x", "2/0", "0/0", "", "1/2/3", "-1/2", "1.0/2", "²/2", "1/1234567890"])
def test_what_is_no_shard_is_one_line(text: str) -> None:
    with pytest.raises(ParityError) as error:
        read_shard(text)
    assert str(error.value) == f"--shard {text}: write it as 2/5, the second of five shards"
    assert error.value.status is ExitStatus.USAGE


def test_more_shards_than_cells_are_refused_by_both_numbers() -> None:
    with pytest.raises(ParityError) as error:
        share(plan((1, 42)), Shard(number=1, of=3))
    assert str(error.value) == "--shard 1/3: 3 shards for 2 cells would leave some shards empty; use at most 2"


def test_what_is_declared_over_all_seeds_waits_for_all_of_them() -> None:
    expect = Expectation(verdict=VerdictKind.IDENTICAL, outcomes={"contains": VerdictKind.IDENTICAL})
    dealt_out, whole, silent = (
        replace(probe, expect=expect if number < 2 else probe.expect)
        for number, probe in enumerate(plan((1, 42), (7,), (1, 42)))
    )
    probes = [dealt_out, whole, silent]
    own = share(probes, Shard(number=1, of=2))
    assert [dict(probe.expect.outcomes) for probe in own] == [{}, dict(expect.outcomes), {}]
    assert postponed(probes, own) == {"set/p0": ("contains",)}
    assert share(probes, Shard(number=1, of=1)) == tuple(probes)
