"""mlx-lm's public pieces, one per stage, shared by its two providers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from parity.errors import UnavailableError
from parity.metrics import Stage
from parity.probe.inputs import RowKind, row_kind
from parity.probe.values import OptimizerName, ScheduleName, Tuning
from parity.trainers.protocol import Clip, Job, Loaded, SettingKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import ClassVar

    from parity.trainers.protocol import FunctionKind, LearningRate, SettingKinds

_LENT = frozenset(Stage) - {Stage.GRADIENT, Stage.SAVE}


class MlxLmStages:
    """The stages of `mlx_lm.lora` (mlx-lm 0.30 to 0.32), without its command line."""

    distributions: ClassVar[tuple[str, ...]] = ("mlx-lm",)
    lends: ClassVar[frozenset[Stage]] = _LENT
    borrows: ClassVar[frozenset[Stage]] = _LENT
    settings: ClassVar[SettingKinds] = {"clip_grad_norm": SettingKind(type=float, stage=Stage.CLIP)}
    takes_keywords: ClassVar[Mapping[str, FunctionKind]] = {}
    weighs_tokens: ClassVar[bool] = False

    def check_installed(self) -> None:
        """Raises UnavailableError if mlx-lm is missing."""
        if find_spec("mlx_lm") is None:
            raise UnavailableError("mlx-lm is not installed; uv pip install mlx-lm")

    def load(self, job: Job) -> Loaded:
        """`mlx_lm.load`."""
        from mlx_lm import load

        model, tokenizer, *_ = load(job.workload.model)
        return Loaded(model=model, tokenizer=tokenizer)

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """`model.freeze()`, then LoRA, DoRA or whole layers: the order in `mlx_lm.lora.train_model`."""
        from mlx_lm.tuner.utils import linear_to_lora_layers

        lora, tuning = job.workload.lora, job.workload.tuning
        loaded.model.freeze()
        if tuning is Tuning.FULL:
            for layer in loaded.model.layers[-lora.layers :]:
                layer.unfreeze()
            return
        linear_to_lora_layers(
            loaded.model,
            lora.layers,
            {"rank": lora.rank, "scale": lora.scale, "dropout": lora.dropout, "keys": list(lora.modules)},
            use_dora=tuning is Tuning.DORA,
        )

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        """`mlx_lm.tuner.trainer.iterate_batches`, endless, in the order that numpy's global random state gives."""
        from mlx_lm.tuner.trainer import iterate_batches

        batches: Iterable[tuple[Any, ...]] = iterate_batches(
            dataset=dataset(loaded, job),
            batch_size=job.workload.batch_size,
            max_seq_length=job.workload.max_seq_length,
            loop=True,
        )
        return batches

    def arguments(self, batch: tuple[Any, ...], job: Job) -> tuple[Any, ...]:
        """The arguments of the loss: the parts of a batch that are not None.

        Raises:
            UnavailableError: the batch has labels, and the loss is mlx-lm's.

        """
        parts = tuple(part for part in batch if part is not None)
        loss: object = job.stages[Stage.LOSS]
        if len(parts) > 2 and loss is self:
            raise UnavailableError("mlx-lm's loss takes no labels, and these batches have them; borrow stages.loss too")
        return parts

    def forward(self, _loaded: Loaded, _job: Job) -> AbstractContextManager[None]:
        """mlx-lm trains the model unchanged."""
        return nullcontext()

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        """`mlx_lm.tuner.trainer.default_loss`, which takes no labels."""
        from mlx_lm.tuner.trainer import default_loss

        loss: Callable[..., tuple[Any, Any]] = default_loss
        return loss

    def clip(self, job: Job) -> Clip | None:
        """mlx-lm does not clip; the setting `clip_grad_norm` adds `mlx.optimizers.clip_grad_norm`."""
        bound = job.settings.get("clip_grad_norm")
        if not bound:
            return None
        from mlx.optimizers import clip_grad_norm

        return Clip(
            bound=f"norm {bound:g}",
            apply=lambda gradients: clip_grad_norm(gradients, max_norm=bound)[0],
        )

    def schedule(self, job: Job) -> LearningRate:
        """`mlx_lm.tuner.utils.build_schedule`; it has no constant schedule, which is `learning_rate` itself."""
        from mlx_lm.tuner.utils import build_schedule

        asked, rate = job.workload.schedule, job.workload.optimizer.learning_rate
        remaining = max(job.workload.steps - asked.warmup, 1)
        if asked.name is ScheduleName.CONSTANT and not asked.warmup:
            return rate
        name, arguments = {
            ScheduleName.CONSTANT: ("linear_schedule", [rate, rate, remaining]),
            ScheduleName.LINEAR: ("linear_schedule", [rate, 0.0, remaining]),
            ScheduleName.COSINE: ("cosine_decay", [rate, remaining]),
        }[asked.name]
        schedule: LearningRate = build_schedule({"name": name, "arguments": arguments, "warmup": asked.warmup})
        return schedule

    def save_settings(self, job: Job) -> None:
        """Writes `adapter_config.json`, as `mlx_lm.lora.train_model` does before it trains."""
        from mlx_lm.utils import save_config

        save_config(self.saved_settings(job), job.scratch / "adapter_config.json")

    def saved_settings(self, job: Job) -> dict[str, Any]:
        """What `mlx_lm.tuner.utils.load_adapters` needs to know of the adapters."""
        lora, tuning = job.workload.lora, job.workload.tuning
        wired = {"rank": lora.rank, "scale": lora.scale, "dropout": lora.dropout, "keys": list(lora.modules)}
        return {
            "fine_tune_type": str(tuning),
            "num_layers": lora.layers,
            "lora_parameters": None if tuning is Tuning.FULL else wired,
        }

    def optimizer(self, _loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        """The class of `mlx.optimizers`, with those of the workload's arguments that it has."""
        from mlx import optimizers

        asked = job.workload.optimizer
        decay = {"weight_decay": asked.weight_decay}
        adam = {"bias_correction": asked.bias_correction, "betas": list(asked.betas)}
        classes: dict[OptimizerName, tuple[str, dict[str, Any]]] = {
            OptimizerName.ADAMW: ("AdamW", decay | adam),
            OptimizerName.ADAM: ("Adam", adam),
            OptimizerName.SGD: ("SGD", decay),
            OptimizerName.LION: ("Lion", decay),
            OptimizerName.MUON: ("Muon", decay),
            OptimizerName.ADAFACTOR: ("Adafactor", decay | {"relative_step": False, "scale_parameter": False}),
        }
        class_name, arguments = classes[asked.name]
        return getattr(optimizers, class_name)(learning_rate=learning_rate, **arguments)


def dataset(loaded: Loaded, job: Job) -> Any:
    """The rows as `mlx_lm.lora` wraps them: `CacheDataset(create_dataset(...))`; text rows get an EOS.

    Raises:
        UnavailableError: chat or completion rows with a tokenizer that has no chat template.

    """
    from types import SimpleNamespace

    from mlx_lm.tuner.datasets import CacheDataset, create_dataset

    if row_kind(job.rows[0]) is not RowKind.TEXT and getattr(loaded.tokenizer, "chat_template", None) is None:
        raise UnavailableError(f"{job.workload.model}: its tokenizer has no chat template; use text rows")
    asked = SimpleNamespace(mask_prompt=job.workload.mask_prompt)
    return CacheDataset(create_dataset(list(job.rows), loaded.tokenizer, asked))


def clipping(optimizer: Any, clip: Clip | None) -> Any:
    """The same optimizer, whose `update` now clips the gradient first."""
    if clip is not None:
        update = optimizer.update
        optimizer.update = lambda model, gradients: update(model, clip.apply(gradients))
    return optimizer
