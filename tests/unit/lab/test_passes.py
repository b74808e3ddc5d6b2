from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx import nn

from parity.lab.fingerprint import words
from parity.lab.losses import returning, with_logits
from parity.lab.passes import Pass, Passes, batch_rows, one_pass, together
from parity.lab.updates import like, split_like

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = 6
few = settings(max_examples=25, deadline=None)


def passed(batch: Sequence[mx.array], *, loss: float = 1.0, tokens: int = 1, at: Any = 1.0) -> Pass:
    value = (mx.array(loss), mx.array(tokens))
    return one_pass(value, {"a": mx.array([0.0]), "b": mx.array(at)}, batch)


def accumulated(passes: Sequence[Sequence[mx.array]]) -> Passes:
    return together([passed(batch) for batch in passes], weighs_tokens=False)


def printed(passes: Passes) -> object:
    assert passes.batch is not None
    return passes.batch.tolist()


def seen(*batch: mx.array) -> object:
    return printed(accumulated([batch]))


def labels(ids: mx.array, ranges: mx.array) -> mx.array:
    """What transformers would say of inclusive ranges of targets."""
    at = np.arange(ids.shape[1])
    first, last = np.array(ranges)[:, 0:1], np.array(ranges)[:, 1:]
    return mx.array(np.where((at >= first) & (at <= last), np.array(ids), -100))


@st.composite
def batches(draw: st.DrawFn) -> tuple[mx.array, mx.array]:
    """Token ids, and offsets and lengths: both from 0, the length up to the width."""
    width = draw(st.integers(2, 5))
    row = st.lists(st.integers(0, 319), min_size=width, max_size=width)
    span = st.tuples(st.integers(0, width), st.integers(0, width))
    ids = draw(st.lists(row, min_size=ROWS, max_size=ROWS))
    return mx.array(ids), mx.array(draw(st.lists(span, min_size=ROWS, max_size=ROWS)))


@few
@given(batches(), st.sets(st.integers(1, ROWS - 1)), st.booleans())
def test_a_batch_has_one_fingerprint_however_it_is_split(
    batch: tuple[mx.array, mx.array], cuts: set[int], with_labels: bool
) -> None:
    whole = [*batch, labels(*batch)] if with_labels else [*batch]
    edges = [0, *sorted(cuts), ROWS]
    parts = [[array[first:last] for array in whole] for first, last in pairwise(edges)]
    split = accumulated(parts)
    assert printed(split) == seen(*whole)
    assert split.count == len(parts)


def test_three_passes_of_two_rows_are_one_of_six() -> None:
    ids, ranges = mx.arange(24).reshape(6, 4), mx.array([[0, 3]] * 6)
    parts = [[ids[at : at + 2], ranges[at : at + 2]] for at in (0, 2, 4)]
    assert printed(accumulated(parts)) == seen(ids, ranges)
    assert printed(accumulated(parts[::-1])) != seen(ids, ranges)


IDS = mx.arange(18).reshape(6, 3)
RANGES = mx.array([[0, 2]] * 6)
SWAPPED = mx.array([1, 0, 2, 3, 4, 5])
LAST = mx.zeros((6, 3), mx.int32).at[5, 2].add(1)


@pytest.mark.parametrize(
    ("ids", "ranges"),
    [
        (IDS[SWAPPED], RANGES),
        (mx.pad(IDS, [(0, 0), (0, 1)]), RANGES),
        (IDS + LAST, RANGES),
        (IDS, mx.array([[0, 2]] * 5 + [[0, 1]])),
        (IDS, mx.array([[0, 2]] * 5 + [[2, 2]])),
        (IDS.reshape(3, 6), RANGES[:3]),
    ],
    ids=["order", "padding width", "a token", "a target fewer", "a prompt masked", "as many ids in fewer rows"],
)
def test_another_batch_has_another_fingerprint(ids: mx.array, ranges: mx.array) -> None:
    assert seen(ids, ranges) != seen(IDS, RANGES)
    assert seen(ids, mx.array(0), labels(ids, ranges)) != seen(IDS, mx.array(0), labels(IDS, RANGES))


NONE = 2**32 - 100
"""−100 as a word."""


def test_a_row_is_its_width_its_ids_and_the_ids_of_its_supervised_targets() -> None:
    ids = mx.array([[7, 8, 9, 0], [5, 6, 0, 0]])
    rows = batch_rows([ids, mx.array([[2, 3], [0, 2]])])
    assert rows.dtype == mx.uint32
    assert rows.tolist() == [[4, 7, 8, 9, 0, NONE, 9, 0], [4, 5, 6, 0, 0, 6, 0, NONE]]


@few
@given(batches())
def test_labels_and_lengths_that_supervise_the_same_targets_are_the_same(batch: tuple[mx.array, mx.array]) -> None:
    ids, ranges = batch
    by_labels = batch_rows([ids, mx.zeros(ROWS), labels(ids, ranges)])
    assert by_labels.tolist() == batch_rows([ids, ranges]).tolist()
    wide = [array.astype(mx.int64) for array in (ids, labels(ids, ranges))]
    assert by_labels.tolist() == batch_rows([wide[0], mx.zeros(ROWS), wide[1]]).tolist()


@pytest.mark.parametrize(
    "wrong",
    [labels(IDS, RANGES) + LAST, mx.concatenate([IDS[:, :1], IDS[:, :2]], axis=1)],
    ids=["one target", "all shifted by one"],
)
def test_labels_that_supervise_other_tokens_than_the_ids_are_another_batch(wrong: mx.array) -> None:
    assert ((wrong != -100) == (labels(IDS, RANGES) != -100))[:, 1:].all().item()
    assert seen(IDS, mx.array(0), wrong) != seen(IDS, mx.array(0), labels(IDS, RANGES))
    assert batch_rows([IDS, mx.array(0), wrong])[:, 4:].tolist() == wrong[:, 1:].tolist()


def test_beside_labels_neither_lengths_nor_the_label_of_the_first_token_count() -> None:
    said = labels(IDS, RANGES)
    first = mx.concatenate([said[:, :1] + 1, said[:, 1:]], axis=1)
    assert seen(IDS, RANGES, said) == seen(IDS, RANGES - 1, first)


@pytest.mark.parametrize(
    "batch",
    [
        [IDS],
        [IDS, IDS],
        [IDS, mx.zeros(6, mx.int32)],
        [IDS, RANGES, IDS[:, 1:]],
        [IDS, RANGES, IDS, IDS],
        [mx.zeros((6, 3)), RANGES],
        [mx.zeros((6, 3, 2), mx.int32), RANGES],
    ],
    ids=[
        "ids alone",
        "one like the ids",
        "lengths alone",
        "narrow labels",
        "four arrays",
        "floats",
        "three dimensions",
    ],
)
def test_arrays_of_another_make_are_taken_as_they_are(batch: list[mx.array]) -> None:
    assert batch_rows(batch).tolist() == [words(batch).tolist()]
    more = [*batch[:-1], batch[-1] + 1]
    assert seen(*more) != seen(*batch)


def test_one_pass_is_kept_as_it_is() -> None:
    kept = together([passed([IDS, RANGES], loss=0.25, tokens=3, at=[[1.5], [-0.0]])], weighs_tokens=True)
    assert kept.tokens is not None
    assert (kept.count, kept.tokens.item(), kept.loss.item()) == (1, 3, 0.25)
    assert kept.gradient.tolist() == [0.0, 1.5, 0.0]  # leaves by name, zeros without a sign
    assert kept.structure.tolist() != passed([IDS, RANGES], at=[1.5, 0.0]).structure.tolist()


small = st.floats(-8.0, 8.0, width=32, allow_subnormal=False)


@few
@given(st.lists(st.tuples(small, st.integers(1, 500), small), min_size=1, max_size=4), st.booleans())
def test_means_of_passes_weigh_tokens_or_passes(passes: list[tuple[float, int, float]], weighs_tokens: bool) -> None:
    every = [passed([IDS, RANGES], loss=loss, tokens=tokens, at=at) for loss, tokens, at in passes]
    one = together(every, weighs_tokens=weighs_tokens)
    assert one.tokens is not None
    total = sum(tokens for _, tokens, _ in passes)
    loss_sum = gradient_sum = np.float32(0)
    for loss, tokens, at in passes:
        loss_sum += np.float32(loss) * np.float32(tokens)
        gradient_sum += np.float32(at) * np.float32(tokens if weighs_tokens else 1)
    assert (one.count, one.tokens.item()) == (len(passes), total)
    of = np.float32(total if weighs_tokens else len(passes))
    single = len(passes) == 1
    assert one.loss.item() == (passes[0][0] if single else loss_sum / np.float32(total))
    assert one.gradient.tolist() == [0.0, passes[0][2] if single else gradient_sum / of]


def test_the_logits_of_a_model_are_seen_and_can_be_put_in_its_place() -> None:
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    x = mx.ones((1, 3))

    def loss(model: Any, x: mx.array) -> tuple[mx.array, mx.array]:
        return (model(x) + other(x)).sum(), mx.array(1)

    first, (value, tokens), logits = with_logits(model, loss)(model, x)
    assert first.item() == value.item() == loss(model, x)[0].item()
    assert tokens.item() == 1
    assert mx.array_equal(logits, model(x)).item()
    with returning(model, mx.zeros((1, 2))):
        assert mx.allclose(loss(model, x)[0], other(x).sum()).item()
    assert loss(model, x)[0].item() == value.item()
    assert with_logits(model, lambda *_: (mx.array(0.0), mx.array(1)))(model, x)[2].size == 0


def test_a_vector_is_split_as_the_leaves_were() -> None:
    named = {"a": mx.ones((2, 3), mx.bfloat16), "b": mx.zeros(2)}
    flat = mx.arange(8, dtype=mx.float32)
    parts = split_like(flat, like(named))
    assert {name: (part.shape, part.dtype) for name, part in parts.items()} == {
        "a": ((2, 3), mx.bfloat16),
        "b": ((2,), mx.float32),
    }
    assert parts["b"].tolist() == [6.0, 7.0]
