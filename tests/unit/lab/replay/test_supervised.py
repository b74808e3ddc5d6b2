"""Targets and denominator are read off a loss that says neither."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.lab.replay.supervised import Supervised, rows_of, supervised, supervision_of
from parity.trace.evidence import Token

ROWS, LENGTH, VOCABULARY = 2, 5, 7


def text(token: int) -> str:
    return f"t{token}"


def taken_apart(mask: np.ndarray, targets: np.ndarray, denominator: float, seed: int = 0) -> Supervised:
    """A masked cross entropy over a fixed denominator, and its derivative, by their definitions."""
    logits = np.random.default_rng(seed).normal(size=(*mask.shape, VOCABULARY)).astype(np.float32)
    chances = np.exp(logits.astype(np.float64))
    chances /= chances.sum(axis=-1, keepdims=True)
    one_hot = np.eye(VOCABULARY)[targets]
    nats = -np.log((chances * one_hot).sum(axis=-1))
    slope = mask[..., None] * (chances - one_hot) / denominator
    loss = float((mask * nats).sum() / denominator)
    return supervised(loss, int(mask.sum()), logits, slope.astype(np.float32))


@given(
    mask=st.lists(st.booleans(), min_size=ROWS * LENGTH, max_size=ROWS * LENGTH).filter(any),
    targets=st.lists(st.integers(0, VOCABULARY - 1), min_size=ROWS * LENGTH, max_size=ROWS * LENGTH),
    denominator=st.integers(1, 400),
)
def test_places_targets_and_weights_come_back(mask: list[bool], targets: list[int], denominator: int) -> None:
    where = np.array(mask).reshape(ROWS, LENGTH)
    asked = np.array(targets).reshape(ROWS, LENGTH)
    found = taken_apart(where, asked, denominator)
    rows, places = np.nonzero(where)
    assert found.rows.tolist() == rows.tolist()
    assert found.positions.tolist() == (places + 1).tolist()
    assert found.targets.tolist() == asked[where].tolist()
    assert found.weights == pytest.approx(1 / denominator, rel=1e-4)


def test_one_target_fewer_is_named_with_its_token_and_both_fractions() -> None:
    mask = np.ones((ROWS, LENGTH), bool)
    shorter = mask.copy()
    shorter[1, 4] = False
    targets = np.arange(ROWS * LENGTH).reshape(ROWS, LENGTH) % VOCABULARY
    found = supervision_of(taken_apart(mask, targets, 10), taken_apart(shorter, targets, 9), text)
    assert found is not None
    assert (found.only_reference, found.only_candidate, found.other_targets) == (1, 0, 0)
    assert found.places == (Token(row=1, position=5, reference="2 't2'", candidate=""),)
    assert [each.denominator for each in found.fractions] == [pytest.approx(10), pytest.approx(9)]
    assert [each.supervised for each in found.fractions] == [10, 9]


def test_another_target_is_seen_and_a_mean_of_rows_has_no_single_denominator() -> None:
    mask = np.ones((ROWS, LENGTH), bool)
    mask[0, 2:] = False
    targets = np.zeros((ROWS, LENGTH), int)
    shifted = targets.copy()
    shifted[1, 0] = 3
    found = supervision_of(taken_apart(mask, targets, 7), taken_apart(mask, shifted, 7), text)
    assert found is not None
    assert found.other_targets == 1
    assert found.places[0].candidate == "3 't3'"
    uneven = taken_apart(mask, targets, 7)
    by_row = Supervised(**vars(uneven) | {"weights": np.where(uneven.rows == 0, 0.25, 0.1), "loss": 1.0})
    other = supervision_of(uneven, by_row, text)
    assert other is not None
    assert other.fractions[1].denominator is None


def test_equal_losses_are_no_finding() -> None:
    mask, targets = np.ones((ROWS, LENGTH), bool), np.zeros((ROWS, LENGTH), int)
    assert supervision_of(taken_apart(mask, targets, 10), taken_apart(mask, targets, 10), text) is None


def test_rows_say_tokens_shapes_order_and_lengths() -> None:
    ids, lengths = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[0, 3], [0, 2]])
    assert rows_of([ids, lengths], [ids.copy(), lengths.copy()], text) is None
    turned = rows_of([ids, lengths], [ids[::-1], lengths], text)
    assert turned is not None
    assert turned.order == (1, 0)
    wider = rows_of([ids, lengths], [np.pad(ids, ((0, 0), (0, 1))), lengths], text)
    assert wider is not None
    assert (wider.shapes, wider.differing, wider.order) == (((2, 3), (2, 4)), 0, ())
    other = rows_of([ids, lengths], [np.array([[1, 2, 3], [4, 9, 6]]), np.array([[0, 3], [0, 3]])], text)
    assert other is not None
    assert other.tokens == (Token(row=1, position=1, reference="5 't5'", candidate="9 't9'"),)
    assert other.others == ((1, "[0, 2]", "[0, 3]"),)
    masked = rows_of([ids, np.array([[-100, 2, 3], [-100, 5, 6]])], [ids, np.array([[-100, 2, -100], [4, 5, 6]])], text)
    assert masked is not None
    assert masked.others == ((0, "labels at 1–2", "labels at 1"), (1, "labels at 1–2", "labels at 0–2"))
