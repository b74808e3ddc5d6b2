"""unsloth_zoo's stages, one at a time, for its own arms and for arms of other providers."""

from __future__ import annotations

import inspect
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

from parity.errors import UnavailableError
from parity.metrics import Stage
from parity.probe.values import Tuning
from parity.trainers.protocol import Clip, FunctionKind, Job, Loaded
from parity.trainers.unsloth_zoo.configuration import LIBRARY, configuration, is_ours
from parity.trainers.unsloth_zoo.importing import INSTALL, device_info, module, require, seam
from parity.trainers.unsloth_zoo.readback import warn_of_unknown
from parity.trainers.unsloth_zoo.settings import FUNCTIONS, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import ClassVar

    from parity.trainers.protocol import LearningRate, SettingKinds

_LENT = frozenset(Stage) - {Stage.GRADIENT, Stage.SAVE}


class UnslothZooStages:
    """What `MLXTrainer` and `FastMLXModel` do, stage by stage."""

    library: ClassVar[str] = LIBRARY
    distributions: ClassVar[tuple[str, ...]] = ("unsloth-zoo", "mlx-lm")
    lends: ClassVar[frozenset[Stage]] = _LENT
    borrows: ClassVar[frozenset[Stage]] = _LENT
    settings: ClassVar[SettingKinds] = SETTINGS
    takes_keywords: ClassVar[Mapping[str, FunctionKind]] = FUNCTIONS
    weighs_tokens: ClassVar[bool] = True

    def check_installed(self) -> None:
        """Raises UnavailableError if unsloth_zoo is missing. Imports nothing."""
        if find_spec("unsloth_zoo") is None:
            raise UnavailableError(f"unsloth_zoo is not installed; {INSTALL}")

    def load(self, job: Job) -> Loaded:
        """`FastMLXModel.from_pretrained`, unquantised, text only; unpatched if `forward` is borrowed."""
        fast = module("loader").FastMLXModel
        arguments = {
            "max_seq_length": job.workload.max_seq_length,
            "dtype": job.settings.get("dtype"),
            "load_in_4bit": False,
            "text_only": True,
            "random_state": job.seed,
            **({"patch_mode": "unpatched"} if not is_ours(job, Stage.FORWARD) else {}),
            **job.keywords.get("from_pretrained", {}),
        }
        warn_of_unknown(job, "from_pretrained", fast.from_pretrained)
        with device_info():
            model, tokenizer = fast.from_pretrained(job.workload.model, **arguments)
        return Loaded(model=model, tokenizer=tokenizer)

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """`FastMLXModel.get_peft_model`; it seeds `mx.random` itself, first or last depending on the release (#678)."""
        fast, lora, tuning = module("loader").FastMLXModel, job.workload.lora, job.workload.tuning
        if tuning is Tuning.FULL:
            raise UnavailableError(
                'unsloth-zoo trains either all layers in full or none; set stages.adapt = "mlx-lm" for the last few'
            )
        arguments: dict[str, Any] = {
            "r": lora.rank,
            "target_modules": [name.rpartition(".")[2] for name in lora.modules],
            "lora_alpha": lora.scale * lora.rank,
            "lora_dropout": lora.dropout,
            "use_gradient_checkpointing": False,
            "random_state": job.seed,
        }
        if lora.layers < len(loaded.model.layers):
            arguments["finetune_last_n_layers"] = lora.layers
        if tuning is Tuning.DORA:
            arguments["use_dora"] = True
        require("FastMLXModel.get_peft_model", arguments, inspect.signature(fast.get_peft_model).parameters)
        warn_of_unknown(job, "get_peft_model", fast.get_peft_model)
        fast.get_peft_model(loaded.model, **arguments | dict(job.keywords.get("get_peft_model", {})))

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        """`create_batches` with the arguments that `MLXTrainer` itself passes, starting over at the end."""
        workload, config = job.workload, configuration(job)
        if workload.mask_prompt:
            raise UnavailableError("unsloth-zoo cannot lend masked batches; remove stages.batch")
        create = module("utils").create_batches
        arguments: dict[str, Any] = {
            "dataset": list(job.rows),
            "tokenizer": loaded.tokenizer,
            "batch_size": workload.batch_size,
            "max_seq_length": workload.max_seq_length,
            "num_batches": workload.steps * workload.accumulation,
            "seed": job.seed,
        }
        for name in ("append_eos", "completion_only_loss"):
            if name in inspect.signature(create).parameters:
                arguments[name] = getattr(config, name)
        created = create(**arguments)
        return (created[number % len(created)] for number in count())

    @contextmanager
    def forward(self, loaded: Loaded, job: Job) -> Iterator[None]:
        """The changes of `MLXTrainer.train`: norms in float32, their output, `mlx.core`; none in 2026.5."""
        loader, utils = module("loader"), module("utils")
        promote = getattr(loader, "_keep_norm_parameters_float32", None)
        cast = getattr(module("trainer"), "_set_norm_output_cast_to_input_dtype", None)
        acquire = getattr(utils, "acquire_mlx_training_patches", None)
        if promote is not None:
            promote(loaded.model)
        if cast is not None:
            cast(bool(job.settings.get("cast_norm_output_to_input_dtype", True)), loaded.model)
        if acquire is not None:
            acquire()
        try:
            yield
        finally:
            if acquire is not None:
                utils.release_mlx_training_patches()
            if cast is not None:
                cast(False, loaded.model)

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """`make_baseline_loss_fn`, with full logits; under the setting `use_cce`, `make_cce_loss_fn`."""
        if job.settings.get("use_cce"):
            made: Callable[..., tuple[Any, Any]] = seam("utils", "make_cce_loss_fn", "loss")(loaded.model)
        else:
            made = seam("utils", "make_baseline_loss_fn", "loss")()
        return made

    def clip(self, job: Job) -> Clip | None:
        """The function that `MLXTrainer` clips with under its resolved settings; it exists since 2026.10 only."""
        resolve = seam("trainer", "_resolve_mlx_grad_clipping", "clip")
        norm, value, leaf_norm, _ = resolve(configuration(job))
        trainer = module("trainer")
        if norm > 0:
            return Clip(bound=f"norm {norm:g}", apply=lambda tree: trainer._clip_grad_norm_fp32(tree, norm)[0])
        if value > 0:
            return Clip(bound=f"value {value:g}", apply=lambda tree: trainer._clip_grad_by_value(tree, value))
        if leaf_norm > 0:
            bound = f"leaf_norm {leaf_norm:g}"
            return Clip(bound=bound, apply=lambda tree: trainer._clip_grad_by_leaf_norm(tree, leaf_norm))
        return None

    def schedule(self, job: Job) -> LearningRate:
        """`MLXTrainer._build_schedule`."""
        schedule: LearningRate = _bare_trainer(job, "schedule")._build_schedule(job.workload.steps)
        return schedule

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        """`MLXTrainer._build_optimizer`; its `update` includes the decay that `MLXTrainer` applies outside it."""
        trainer = _bare_trainer(job, "update")
        trainer.model = loaded.model
        trainer._build_schedule = lambda _steps: learning_rate
        optimizer = trainer._build_optimizer(job.workload.steps)
        if callable(learning_rate):
            optimizer._maybe_schedule("learning_rate", learning_rate)
        update = optimizer.update

        def decayed(model: Any, gradients: Any) -> None:
            if callable(learning_rate):  # the decay needs this update's rate, which `update` sets only later
                optimizer.learning_rate = learning_rate(optimizer.step)
            if getattr(trainer, "_coupled_weight_decay", 0):
                gradients = trainer._apply_coupled_weight_decay(model, gradients)
            if getattr(trainer, "_manual_weight_decay", 0):
                trainer._apply_manual_weight_decay(model, optimizer, gradients)
            update(model, gradients)

        optimizer.update = decayed
        return optimizer


def _bare_trainer(job: Job, stage: str) -> Any:
    """An `MLXTrainer` with nothing but its configuration, which is enough to build a schedule or an optimizer."""
    kind = seam("trainer", "MLXTrainer", stage)
    for method in ("_build_schedule", "_build_optimizer"):
        if not hasattr(kind, method):
            raise UnavailableError(f"unsloth-zoo cannot lend stage '{stage}': there is no MLXTrainer.{method}")
    bare = object.__new__(kind)
    bare.args = configuration(job)
    with suppress(AttributeError):  # in 2026.10 it is a property that asks the process
        bare.is_main_process = True
    return bare
