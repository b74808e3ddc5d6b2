"""unsloth_zoo's `MLXTrainer` and `FastMLXModel`, releases 2026.5 and newer.

unsloth_zoo refuses to be imported where there is neither a GPU nor a Mac. Newer releases skip that
check under `UNSLOTH_ZOO_DISABLE_GPU_INIT=1`; older ones believe what `platform` says, so that
`platform.system` and `platform.machine` answer Darwin/arm64 *during the import only*. MLX itself runs
on Linux, so nothing else is pretended. Its MLX modules are AGPL-3.0: they are called, never copied.
"""

from __future__ import annotations

import inspect
import os
import platform
import sys
from contextlib import contextmanager
from dataclasses import fields
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from parity.errors import UnavailableError
from parity.probe.values import Stage
from parity.trainers.protocol import Job, Loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import ModuleType
    from typing import ClassVar

    from parity.probe.values import Setting
    from parity.tap import Tap
    from parity.trainers.protocol import SettingTypes

INSTALL = "uv pip install unsloth-zoo, or `make setup` for the locked release"

_TRAINING: SettingTypes = {
    "max_grad_value": float,
    "max_grad_norm": float,
    "max_grad_leaf_norm": float,
    "use_cce": bool,
    "gradient_checkpointing": bool,
    "patch_mode": str,
    "cast_norm_output_to_input_dtype": bool,
    "append_eos": bool,
    "dataset_order": str,
    "report_grad_norm": bool,
}
"""Settings that are fields of `MLXTrainingConfig`, in the releases that have them."""

_LOADING: SettingTypes = {"dtype": str}
"""Settings that are arguments of `FastMLXModel.from_pretrained`."""


class UnslothZoo:
    """Provider `unsloth-zoo`.

    What a probe leaves out is as near to mlx-lm as a declared default can be: no cut cross entropy, no
    gradient checkpointing, no warmup, constant learning rate. Clipping is the exception: it has had
    three meanings of `None`, so a probe without a clip setting asks for the library's own default.
    """

    distributions: ClassVar[tuple[str, ...]] = ("unsloth-zoo", "mlx-lm")
    lends: ClassVar[frozenset[Stage]] = frozenset({Stage.LOAD, Stage.ADAPT, Stage.BATCH, Stage.LOSS})
    borrows: ClassVar[frozenset[Stage]] = frozenset({Stage.LOAD, Stage.ADAPT, Stage.BATCH, Stage.LOSS})
    settings: ClassVar[SettingTypes] = {**_TRAINING, **_LOADING}

    def check_installed(self) -> None:
        """Raises UnavailableError where unsloth_zoo is missing. Imports nothing."""
        if find_spec("unsloth_zoo") is None:
            raise UnavailableError(f"unsloth_zoo is not installed; {INSTALL}")

    def load(self, job: Job) -> Loaded:
        """`FastMLXModel.from_pretrained`, unquantised, text only."""
        fast = _import("loader").FastMLXModel
        model, tokenizer = fast.from_pretrained(
            job.workload.model,
            max_seq_length=job.workload.max_seq_length,
            dtype=job.settings.get("dtype"),
            load_in_4bit=False,
            text_only=True,
            random_state=job.seed,
        )
        return Loaded(model=model, tokenizer=tokenizer)

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """`FastMLXModel.get_peft_model`; it seeds `mx.random` itself in releases after #678."""
        fast, lora = _import("loader").FastMLXModel, job.workload.lora
        arguments = {
            "r": lora.rank,
            "target_modules": [module.rpartition(".")[2] for module in lora.modules],
            "lora_alpha": lora.scale * lora.rank,
            "lora_dropout": lora.dropout,
            "use_gradient_checkpointing": False,
            "random_state": job.seed,
            "finetune_last_n_layers": lora.layers,
        }
        _require("FastMLXModel.get_peft_model", arguments, inspect.signature(fast.get_peft_model).parameters)
        fast.get_peft_model(loaded.model, **arguments)

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        """`create_batches` with the arguments that `MLXTrainer` itself gives it."""
        workload = job.workload
        created: Iterable[tuple[Any, ...]] = _import("utils").create_batches(
            dataset=list(job.rows),
            tokenizer=loaded.tokenizer,
            batch_size=workload.batch_size,
            max_seq_length=workload.max_seq_length,
            num_batches=workload.steps,
            seed=job.seed,
        )
        return created

    def loss(self, _loaded: Loaded, _job: Job) -> Callable[..., tuple[Any, Any]]:
        """`make_baseline_loss_fn`, full logits; it has labels as a fourth argument, which is left out."""
        loss: Callable[..., tuple[Any, Any]] = _import("utils").make_baseline_loss_fn()
        return loss

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """`MLXTrainer.train`, logging every step."""
        trainer_module = _import("trainer")
        trainer = trainer_module.MLXTrainer(
            model=loaded.model,
            tokenizer=loaded.tokenizer,
            train_dataset=list(job.rows),
            args=_configuration(trainer_module.MLXTrainingConfig, job),
        )

        # (step, total, loss, lr, tokens/s, peak GB, elapsed, tokens, gradient norm)
        def end_of_step(_step: int, _total: int, loss: float, lr: float, *rest: Any) -> None:
            tap.end_of_step({"loss": loss, "lr": lr, "grad_norm": rest[4] if len(rest) > 4 else None})

        trainer.add_step_callback(end_of_step)
        if Stage.BATCH in job.borrowed:
            batches = job.borrowed[Stage.BATCH].batches(loaded, job)
            trainer._batches = [(*batch[:2], None) for batch in islice(batches, job.workload.steps)]
        with _loss_of(trainer_module, loaded, job):
            trainer.train()


@contextmanager
def _loss_of(trainer_module: ModuleType, loaded: Loaded, job: Job) -> Iterator[None]:
    """Puts a borrowed loss where `MLXTrainer` makes its own; without one nothing is touched."""
    if Stage.LOSS not in job.borrowed:
        yield
        return
    if not hasattr(trainer_module, "make_baseline_loss_fn") or job.settings.get("use_cce"):
        raise UnavailableError(f"unsloth-zoo {_release()}: its loss cannot be taken out here; drop stages.loss")
    borrowed = job.borrowed[Stage.LOSS].loss(loaded, job)

    def loss(model: Any, batch: Any, lengths: Any, labels: Any = None) -> tuple[Any, Any]:
        if labels is not None:
            raise UnavailableError("a borrowed loss knows no labels; drop stages.loss")
        return borrowed(model, batch, lengths)

    with patch.object(trainer_module, "make_baseline_loss_fn", lambda *_, **__: loss):
        yield


def _configuration(config: Any, job: Job) -> Any:
    """`MLXTrainingConfig` for a workload.

    Raises:
        UnavailableError: a setting that this release does not have.

    """
    workload = job.workload
    if not workload.optimizer.bias_correction:
        raise UnavailableError(
            "unsloth-zoo's MLXTrainer always corrects Adam's bias; bias_correction = false cannot run"
        )
    asked: dict[str, Setting] = {
        "per_device_train_batch_size": workload.batch_size,
        "gradient_accumulation_steps": 1,
        "max_steps": workload.steps,
        "max_seq_length": workload.max_seq_length,
        "learning_rate": workload.optimizer.learning_rate,
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "optim": "adamw",
        "weight_decay": workload.optimizer.weight_decay,
        "seed": job.seed,
        "compile": workload.compile,
        "use_cce": False,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "output_dir": str(job.scratch),
        **{name: value for name, value in job.settings.items() if name in _TRAINING},
    }
    # Not the library's "best_effort", which goes on in eager mode when compiling fails and says so in a log.
    # Batches that it has not planned itself it compiles under no other mode (2026.10).
    compiled = "best_effort" if Stage.BATCH in job.borrowed else "strict"
    asked["compile_mode"] = compiled if workload.compile else "eager"
    _require("MLXTrainingConfig", asked, [field.name for field in fields(config)])
    return config(**asked)


def _require(what: str, asked: Mapping[str, Any], known: Any) -> None:
    """A keyword that a release does not have would be swallowed or raise deep inside: say it first."""
    for name in asked:
        if name not in known:
            raise UnavailableError(f"unsloth-zoo {_release()}: {what} has no {name!r}; drop it, or pin another release")


def _release() -> str:
    try:
        return version("unsloth-zoo")
    except PackageNotFoundError:
        return "(no release)"


def _import(module: str) -> ModuleType:
    """`unsloth_zoo.mlx.<module>`.

    Raises:
        UnavailableError: not installed, or it cannot be imported here.

    """
    name = f"unsloth_zoo.mlx.{module}"
    if name in sys.modules:
        return sys.modules[name]
    os.environ.setdefault("UNSLOTH_ZOO_DISABLE_GPU_INIT", "1")
    try:
        return import_module(name)
    except ImportError:
        for half_imported in [key for key in sys.modules if key.partition(".")[0] == "unsloth_zoo"]:
            del sys.modules[half_imported]
    try:
        with _looks_like_a_mac():
            return import_module(name)
    except ImportError as error:
        raise UnavailableError(f"{name} cannot be imported ({error}); {INSTALL}") from error


@contextmanager
def _looks_like_a_mac() -> Iterator[None]:
    with (
        patch.object(platform, "system", return_value="Darwin"),
        patch.object(platform, "machine", return_value="arm64"),
    ):
        yield
