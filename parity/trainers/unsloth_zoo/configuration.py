"""`MLXTrainingConfig` for a workload, which records which of its fields are read."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from parity.errors import UnavailableError
from parity.metrics import Stage
from parity.probe.inputs import RowKind, row_kind
from parity.probe.values import OptimizerName, ScheduleName
from parity.trainers.unsloth_zoo.importing import module, release, require
from parity.trainers.unsloth_zoo.settings import CONFIG, CONFIG_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.probe.values import Setting, Workload
    from parity.trainers.protocol import Job

LIBRARY = "unsloth-zoo"


def is_ours(job: Job, stage: Stage) -> bool:
    """Whether an arm takes a stage from unsloth_zoo."""
    return getattr(job.stages[stage], "library", None) == LIBRARY


def configuration(job: Job) -> Any:
    """`MLXTrainingConfig` for a workload; what the probe leaves open is as in mlx-lm, except for clipping.

    So there is no cut cross entropy, and the learning rate is constant. For clipping, `None` has had three
    meanings, so a probe without a clip setting gets the library's own default. The object's `parity_read`
    holds the fields that were read after it was made.

    Raises:
        UnavailableError: a field that this release does not have, or an optimizer that it cannot build.

    """
    asked = _asked(job) | dict(job.keywords.get(CONFIG, {})) | _left_to_others(job)
    require(CONFIG, asked, _known())
    return _watched(module("trainer").MLXTrainingConfig)(**asked)


def _known() -> set[str]:
    """The fields that this release has."""
    return {field.name for field in fields(module("trainer").MLXTrainingConfig)}


def _asked(job: Job) -> dict[str, Any]:
    workload = job.workload
    asked: dict[str, Any] = {
        "per_device_train_batch_size": workload.batch_size,
        "gradient_accumulation_steps": workload.accumulation,
        "max_steps": workload.steps,
        "max_seq_length": workload.max_seq_length,
        "learning_rate": workload.optimizer.learning_rate,
        "lr_scheduler_type": _schedule_name(workload),
        "warmup_steps": workload.schedule.warmup,
        "optim": str(workload.optimizer.name),
        "weight_decay": workload.optimizer.weight_decay,
        "seed": job.seed,
        "compile": workload.compile,
        "use_cce": False,
        "gradient_checkpointing": workload.gradient_checkpointing,
        "logging_steps": 1,
        "output_dir": str(job.scratch),
        **_betas(job),
        **_masking(job),
        **{name: value for name, value in job.settings.items() if name in CONFIG_SETTINGS},
    }
    # Not the library's "best_effort", which falls back to eager mode when compiling fails and only logs it.
    # Borrowed batches need it: 2026.10 does not compile over batches that it did not plan itself.
    compiled = "strict" if is_ours(job, Stage.BATCH) else "best_effort"
    asked["compile_mode"] = compiled if workload.compile else "eager"
    return asked


def _left_to_others(job: Job) -> dict[str, Any]:
    """Turns off, whatever else is asked, what a borrowed stage already does."""
    known = _known()
    neutral: dict[Stage, dict[str, Any]] = {
        Stage.CLIP: {"max_grad_value": 0.0, "max_grad_norm": 0.0, "max_grad_leaf_norm": 0.0},
        Stage.FORWARD: {"cast_norm_output_to_input_dtype": False},
    }
    asked = {name: value for stage, each in neutral.items() if not is_ours(job, stage) for name, value in each.items()}
    return {name: value for name, value in asked.items() if name in known}


def _schedule_name(workload: Workload) -> str:
    """Releases after 2026.5 follow transformers, where `constant` ignores the warmup."""
    named = str(workload.schedule.name)
    supported: tuple[str, ...] = getattr(module("trainer"), "SUPPORTED_MLX_LR_SCHEDULERS", ())
    ramps = workload.schedule.warmup and workload.schedule.name is ScheduleName.CONSTANT
    return "constant_with_warmup" if ramps and "constant_with_warmup" in supported else named


def _betas(job: Job) -> Mapping[str, Setting]:
    optimizer = job.workload.optimizer
    is_adam = optimizer.name in {OptimizerName.ADAMW, OptimizerName.ADAM}
    if is_adam and not optimizer.bias_correction and is_ours(job, Stage.UPDATE):
        raise UnavailableError(
            "unsloth-zoo's MLXTrainer always corrects Adam's bias; take stages.update from another provider, "
            "or set bias_correction = true"
        )
    if not is_adam or optimizer.betas == type(optimizer)().betas:
        return {}
    return {"adam_beta1": optimizer.betas[0], "adam_beta2": optimizer.betas[1]}


def _masking(job: Job) -> Mapping[str, Setting]:
    """The field that masks completion rows, which 2026.10 has."""
    kind = row_kind(job.rows[0])
    if not is_ours(job, Stage.BATCH) or kind is RowKind.TEXT:
        return {}
    if not job.workload.mask_prompt:
        unmasked = kind is RowKind.COMPLETION and "completion_only_loss" in _known()
        return {"completion_only_loss": False} if unmasked else {}
    if kind is RowKind.COMPLETION:
        return {"completion_only_loss": True}
    raise UnavailableError(
        f"unsloth-zoo {release()} masks the prompts of chat rows with `train_on_responses_only`, which needs torch; "
        "use completion rows, or take stages.batch from another provider"
    )


def _watched(config: Any) -> Any:
    """A subclass of a configuration that records which fields are read after an object is made."""

    class Watched(config):  # type: ignore[misc]
        def __init__(self, **asked: Any) -> None:
            super().__init__(**asked)
            object.__setattr__(self, "parity_asked", asked)
            object.__setattr__(self, "parity_read", set())

        def __getattribute__(self, name: str) -> Any:
            if not name.startswith(("_", "parity_")):
                object.__getattribute__(self, "__dict__").get("parity_read", set()).add(name)
            return super().__getattribute__(name)

    Watched.__name__ = config.__name__
    return Watched
