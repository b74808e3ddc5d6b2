from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from parity.explain.search import Factors, Found, Restores, Suspect, smallest_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

STAGES = ("load", "adapt", "batch", "forward", "loss", "clip", "schedule", "update")


def world(*causes: set[str]) -> Restores:
    """Parity is restored by removing any of these sets, or more."""

    def restores(sets: Sequence[Factors]) -> list[bool]:
        return [any(cause <= each for cause in causes) for each in sets]

    return restores


def nobody(_removed: Factors) -> None:
    return None


def flow(*causes: set[str]) -> Suspect:
    """As a first divergence does, points at the earliest live factor of what is left."""

    def suspect(removed: Factors) -> str | None:
        live = set().union(*causes) - removed
        return next((stage for stage in STAGES if stage in live), None)

    return suspect


def search(*causes: set[str], most: int = 100, suspect: Suspect = nobody) -> Found:
    return smallest_sets(STAGES, world(*causes), suspect=suspect, most=most)


def sets(found: Found) -> set[Factors]:
    return set(found.causes)


def test_one_cause_is_found_by_itself_and_the_others_are_ruled_out() -> None:
    found = search({"loss"})
    assert sets(found) == {frozenset({"loss"})}
    ruled_out = {next(iter(each)) for each, restored in found.tried if len(each) == 1 and not restored}
    assert ruled_out == set(STAGES) - {"loss"}
    assert len(found.tried) == 1 + len(STAGES)


def test_two_live_causes_are_a_pair_though_each_alone_looks_rejected() -> None:
    found = search({"forward", "loss"})
    assert sets(found) == {frozenset({"forward", "loss"})}
    assert dict(found.tried)[frozenset({"forward"})] is False
    assert len(found.tried) <= 2 * len(STAGES) + 2


def test_three_live_causes_are_three() -> None:
    found = search({"clip", "loss", "update"})
    assert sets(found) == {frozenset({"clip", "loss", "update"})}
    assert len(found.tried) <= 2 * len(STAGES) + 2


def test_either_of_two_is_two_sets() -> None:
    assert sets(search({"load"}, {"forward"})) == {frozenset({"load"}), frozenset({"forward"})}


def test_a_core_with_a_choice_is_grown() -> None:
    found = search({"loss", "load"}, {"loss", "forward"})
    assert sets(found) == {frozenset({"loss", "load"}), frozenset({"loss", "forward"})}


def test_where_not_even_everything_restores_parity_nothing_is_named() -> None:
    found = search()
    assert found.causes == ()
    assert not found.exhausted
    assert len(found.tried) == 1


def test_suspects_shorten_the_search_to_two_runs_a_cause() -> None:
    for causes in ({"loss"}, {"forward", "loss"}, {"clip", "loss", "update"}):
        found = search(causes, suspect=flow(causes))
        assert sets(found) == {frozenset(causes)}
        assert len(found.tried) == 2 * len(causes)


def test_a_suspect_that_is_not_to_blame_is_not_named() -> None:
    found = search({"loss"}, suspect=flow({"adapt"}, {"loss"}))
    assert sets(found) == {frozenset({"loss"})}


def test_a_suspect_that_cannot_be_removed_ends_the_peeling() -> None:
    assert search(suspect=lambda _: "gradient").causes == ()


def test_a_set_that_could_not_be_run_puts_nothing_into_the_cause() -> None:
    def restores(tried: Sequence[Factors]) -> list[bool | None]:
        needs = {"clip", "update"}  # without "batch", the loss cannot be taken out
        return [None if "loss" in each and "batch" not in each else needs <= each for each in tried]

    found = smallest_sets(STAGES, restores, suspect=flow({"clip", "update"}), most=100)
    assert sets(found) == {frozenset({"clip", "update"})}


def test_a_bound_is_kept_and_told() -> None:
    found = search({"clip", "loss", "update"}, most=10)
    assert found.causes == ()
    assert found.exhausted
    assert len(found.tried) == 10


def test_a_single_factor_is_asked_once() -> None:
    found = smallest_sets(["clip"], world({"clip"}), suspect=nobody, most=5)
    assert sets(found) == {frozenset({"clip"})}
    assert len(found.tried) == 1


def test_nothing_to_remove_is_nothing_found() -> None:
    assert smallest_sets([], world({"clip"}), suspect=nobody, most=5).causes == ()


CAUSES = st.lists(st.sets(st.sampled_from(STAGES[:6]), min_size=1, max_size=4), min_size=1, max_size=3)


@given(CAUSES, st.dictionaries(st.integers(0, 6), st.sampled_from([*STAGES[:6], "gradient", None])))
def test_what_is_found_is_what_trying_everything_finds_whatever_is_suspected(
    causes: list[set[str]], suspects: dict[int, str | None]
) -> None:
    factors = STAGES[:6]
    restores = world(*causes)
    every = [frozenset(each) for size in range(1, 7) for each in combinations(factors, size)]
    restoring = [each for each, restored in zip(every, restores(every), strict=True) if restored]
    smallest = min(map(len, restoring))
    found = smallest_sets(factors, restores, suspect=lambda removed: suspects.get(len(removed)), most=1000)
    assert sets(found) == {each for each in restoring if len(each) == smallest}
    tried = [each for each, _ in found.tried]
    assert len(tried) == len(set(tried))
