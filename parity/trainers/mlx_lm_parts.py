"""mlx-lm's public pieces, shared by its two providers: load, LoRA wiring, data set, optimizer."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from parity.errors import UnavailableError
from parity.probe.values import Stage
from parity.trainers.protocol import Job, Loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import ClassVar

    from parity.trainers.protocol import SettingTypes


class MlxLmParts:
    """`load` and `adapt` of `mlx_lm.lora` (mlx-lm 0.30 to 0.32), without its command line."""

    distributions: ClassVar[tuple[str, ...]] = ("mlx-lm",)
    lends: ClassVar[frozenset[Stage]] = frozenset({Stage.LOAD, Stage.ADAPT, Stage.BATCH, Stage.LOSS})
    borrows: ClassVar[frozenset[Stage]] = frozenset({Stage.LOAD, Stage.ADAPT, Stage.BATCH, Stage.LOSS})
    settings: ClassVar[SettingTypes] = {}

    def check_installed(self) -> None:
        """Raises UnavailableError where mlx-lm is missing."""
        if find_spec("mlx_lm") is None:
            raise UnavailableError("mlx-lm is not installed; uv pip install mlx-lm")

    def load(self, job: Job) -> Loaded:
        """`mlx_lm.load`."""
        from mlx_lm import load

        model, tokenizer, *_ = load(job.workload.model)
        return Loaded(model=model, tokenizer=tokenizer)

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """`model.freeze()` then `linear_to_lora_layers`, the order in `mlx_lm.lora.train_model`."""
        from mlx_lm.tuner.utils import linear_to_lora_layers

        lora = job.workload.lora
        loaded.model.freeze()
        linear_to_lora_layers(
            loaded.model,
            lora.layers,
            {"rank": lora.rank, "scale": lora.scale, "dropout": lora.dropout, "keys": list(lora.modules)},
        )

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        """`mlx_lm.tuner.trainer.iterate_batches`, without end, in the order that numpy's global state gives."""
        from mlx_lm.tuner.trainer import iterate_batches

        batches: Iterable[tuple[Any, ...]] = iterate_batches(
            dataset=dataset(loaded, job),
            batch_size=job.workload.batch_size,
            max_seq_length=job.workload.max_seq_length,
            loop=True,
        )
        return batches

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        """`mlx_lm.tuner.trainer.default_loss`."""
        from mlx_lm.tuner.trainer import default_loss

        loss: Callable[..., tuple[Any, Any]] = default_loss
        return loss


def dataset(loaded: Loaded, job: Job) -> Any:
    """The rows as `mlx_lm.lora` wraps them: `CacheDataset(TextDataset)`, which appends EOS."""
    from mlx_lm.tuner.datasets import CacheDataset, TextDataset

    return CacheDataset(TextDataset(list(job.rows), loaded.tokenizer))


def optimizer(job: Job) -> Any:
    """`mlx.optimizers.AdamW` with the workload's arguments."""
    from mlx.optimizers import AdamW

    asked = job.workload.optimizer
    return AdamW(
        learning_rate=asked.learning_rate,
        weight_decay=asked.weight_decay,
        bias_correction=asked.bias_correction,
    )
