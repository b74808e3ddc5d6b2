"""Faults in the batches: order, padding, truncation, tokens at either end.

A batch's fingerprint includes its width by design, so that wider padding is seen even where it changes no loss: the
width decides which kernel runs, and so how sums are rounded. Here it is a fault, not harmless.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from parity.canaries.canary import canary
from parity.canaries.ground import EPOCHS, LOOP, TRAINER_PLAIN
from parity.canaries.seam import replaced
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from parity.trainers.protocol import Job, Loaded, Tap


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class BatchesSwapped(MlxLmLoop):
    """The first two batches are swapped."""

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        rest = iter(super().batches(loaded, job))
        first, second = next(rest), next(rest)
        return chain([second, first], rest)


@canary(on=EPOCHS, stage=Stage.BATCH, step=3)
class NumberDrawnTooMany(MlxLmLoop):
    """One random number too many is drawn from numpy.

    It decides how the rows are shuffled for the second epoch.
    """

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        import numpy as np

        rest = iter(super().batches(loaded, job))
        first = next(rest)
        np.random.random()
        return chain([first], rest)


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class RowsReversed(MlxLmLoop):
    """The rows of each batch are in reverse order.

    A sum over rows is then rounded differently.
    """

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        return ((ids[::-1], lengths[::-1]) for ids, lengths in super().batches(loaded, job))


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class PaddedOnTheLeft(MlxLmLoop):
    """The padding comes before the text."""

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        import mlx.core as mx

        for ids, lengths in super().batches(loaded, job):
            shifts = [ids.shape[1] - min(length, ids.shape[1]) for length in lengths[:, 1].tolist()]
            rolled = mx.stack([mx.roll(row, shift) for row, shift in zip(ids, shifts, strict=True)])
            yield rolled, lengths + mx.array(shifts)[:, None]


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class PaddedWider(MlxLmLoop):
    """32 columns of padding are added, which no target reads."""

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        import mlx.core as mx

        for ids, lengths in super().batches(loaded, job):
            yield mx.pad(ids, [(0, 0), (0, 32)]), lengths


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class PaddedWiderAndSupervised(MlxLmLoop):
    """32 columns of padding are added, and all padding is a target.

    Every row's length is set to the full width.
    """

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        import mlx.core as mx

        for ids, lengths in super().batches(loaded, job):
            ends = mx.full((ids.shape[0], 1), ids.shape[1] + 32, lengths.dtype)
            yield mx.pad(ids, [(0, 0), (0, 32)]), mx.concatenate([lengths[:, :1], ends], axis=1)


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class TruncatedByOne(MlxLmLoop):
    """The longest rows are cut one token too early.

    Their batches are one column narrower.
    """

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        shorter = replace(job.workload, max_seq_length=job.workload.max_seq_length - 1)
        return super().batches(loaded, replace(job, workload=shorter))


class _OtherRows(MlxLmLoop):
    """Changes the tokens of the rows, where mlx-lm's `TextDataset` makes them."""

    @staticmethod
    def tokens(tokens: list[int], tokenizer: Any) -> list[int]:
        """The tokens that replace those of a row."""
        raise NotImplementedError

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        from mlx_lm.tuner.datasets import TextDataset

        def change(own: Callable[..., Any]) -> Callable[..., Any]:
            def process(dataset: Any, row: Any) -> tuple[list[int], int]:
                tokens, offset = own(dataset, row)
                return self.tokens(tokens, dataset.tokenizer), offset

            return process

        with replaced(TextDataset, "process", change):
            super().train(loaded, job, tap)


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class EosMissing(_OtherRows):
    """Rows have no EOS at the end."""

    @staticmethod
    def tokens(tokens: list[int], tokenizer: Any) -> list[int]:
        assert tokens[-1] == tokenizer.eos_token_id
        return tokens[:-1]


@canary(on=LOOP, stage=Stage.BATCH, step=1)
class BosTwice(_OtherRows):
    """Rows have one BOS too many at the start."""

    @staticmethod
    def tokens(tokens: list[int], tokenizer: Any) -> list[int]:
        return [tokenizer.bos_token_id, *tokens]


@canary(on=TRAINER_PLAIN, stage=Stage.BATCH, step=1)
class TrainerBatchesOfAnotherSeed(UnslothZoo):
    """MLXTrainer: the batches are in the order of a different seed."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        super().train(loaded, replace(job, seed=job.seed + 1), tap)


@canary(on=TRAINER_PLAIN, stage=Stage.BATCH, step=1)
class TrainerEosMissing(UnslothZoo):
    """MLXTrainer: rows have no EOS at the end."""

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        super().train(loaded, replace(job, settings={**job.settings, "append_eos": False}), tap)
