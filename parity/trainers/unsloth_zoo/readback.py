"""The effective configuration of `MLXTrainer`, read from the live objects, and the settings that it ignored."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from parity.trace.values import Ignored
from parity.trainers.unsloth_zoo.configuration import is_ours
from parity.trainers.unsloth_zoo.settings import CONFIG, CONFIG_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from parity.trainers.protocol import Clip, Job

_CLIPS = ("max_grad_norm", "max_grad_value", "max_grad_leaf_norm")

_SHOWN = (
    "gradient_accumulation_steps",
    "per_device_train_batch_size",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "compile_mode",
    "use_cce",
    "gradient_checkpointing",
    "patch_mode",
    "cast_norm_output_to_input_dtype",
    "append_eos",
    "completion_only_loss",
    "dataset_order",
)


def read_back(job: Job, trainer: Any, config: Any, seen: Mapping[str, Any], clip: Clip | None) -> dict[str, Any]:
    """The effective configuration by name; calls `job.warn` with each ignored setting.

    Args:
        job: what was asked.
        trainer: the `MLXTrainer`, during training.
        config: its `MLXTrainingConfig`, which records what is read.
        seen: the plain local variables of the function that calls `optimizer.update`; it resolves the clipping.
        clip: the borrowed clipping, if there is one.

    """
    asked, read = dict(config.parity_asked), set(config.parity_read)
    live = vars(trainer.args)
    clips = {name: seen[name] for name in _CLIPS if name in seen}
    effective = {name: live[name] for name in _SHOWN if name in live} | clips
    effective["clip"] = clip.bound if clip is not None else _clip_in_words(seen)
    resolved = {name: live[name] for name in asked if name in live} | clips | _resolved(trainer)
    for ignored in _ignored_arguments(job, asked, read, resolved, live):
        job.warn(ignored)
    return effective


def warn_of_unknown(job: Job, name: str, function: Callable[..., Any]) -> None:
    """Warns of keywords that a function accepts only through its `**kwargs`."""
    known = inspect.signature(function).parameters
    for keyword, value in job.keywords.get(name, {}).items():
        if keyword not in known:
            why = f"{name} has no such parameter, but accepts any keyword"
            job.warn(Ignored(name=f"{name}.{keyword}", asked=value, effective=None, why=why))


def _clip_in_words(seen: Mapping[str, Any]) -> str:
    bounds = {name.removeprefix("max_grad_"): seen[name] for name in _CLIPS if seen.get(name)}
    return ", ".join(f"{how} {bound:g}" for how, bound in bounds.items()) or "none"


def _resolved(trainer: Any) -> dict[str, Any]:
    """Values that the trainer does not keep in its arguments."""
    resolved: dict[str, Any] = {}
    if hasattr(trainer, "_resolved_optimizer_name"):
        resolved["optim"] = trainer._resolved_optimizer_name
    if getattr(trainer, "_lr_schedule", None) is None:
        resolved["warmup_steps"] = 0
    return resolved


def _ignored_arguments(
    job: Job, asked: Mapping[str, Any], read: set[str], resolved: Mapping[str, Any], live: Mapping[str, Any]
) -> Iterator[Ignored]:
    """Arguments that ended up with a different value, or that nothing had read by the end of step 1."""
    chosen = {**job.settings, **job.keywords.get(CONFIG, {})}
    if job.workload.schedule.warmup:
        chosen["warmup_steps"] = asked["warmup_steps"]
    for name, value in chosen.items():
        if name not in asked or not is_ours(job, CONFIG_FIELDS.stage_of(name)):
            continue
        if name in resolved and resolved[name] != value:
            why = "the trainer runs with a different value"
            yield Ignored(name=f"{CONFIG}.{name}", asked=value, effective=resolved[name], why=why)
        elif name not in read:
            why = "nothing had read it by the end of step 1"
            yield Ignored(name=f"{CONFIG}.{name}", asked=value, effective=None, why=why)
    for name in _CLIPS:
        if name not in asked and live.get(name) is None and name in live and resolved.get(name):
            why = "leaving it out means None, and None means a bound"
            yield Ignored(name=f"{CONFIG}.{name}", asked=None, effective=resolved[name], why=why)
