"""Compares the effective settings of two arms, and lists the settings that a library ignored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.probe.values import BOTH_ARMS, ArmName, dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.trace.values import Ignored, Trace

_CLIPS = ("max_grad_value", "max_grad_norm", "max_grad_leaf_norm", "clip_grad_norm", "stages.clip")
_WIRED = ("tuning", "stages.adapt")
_SIZED = ("lora.layers", "lora.rank", "lora.modules", "r", "finetune_last_n_layers", "target_modules", "model", *_WIRED)
_RATE = ("optimizer.learning_rate", "learning_rate", "schedule.name", "schedule.warmup", "warmup_steps")
_UPDATE = ("optimizer.name", "optim", "stages.update")
_DECLARED_AS: Mapping[str, tuple[str, ...]] = {
    "clip": _CLIPS,
    **dict.fromkeys(_CLIPS[:3], _CLIPS),
    "dtype.base": ("dtype", "model", "tuning", "stages.load", "stages.forward"),
    "dtype.trainable": ("dtype", *_SIZED),
    "lora.rank": ("lora.rank", "r", *_WIRED),
    "lora.layers": ("lora.layers", "finetune_last_n_layers", *_WIRED),
    "lora.scale": ("lora.scale", "lora_alpha", "r", *_WIRED),
    "lora.dropout": ("lora.dropout", "lora_dropout", *_WIRED),
    "trainable.tensors": _SIZED,
    "trainable.values": _SIZED,
    "loss": ("use_cce", "stages.loss"),
    "batch_shapes": ("batch_size", "max_seq_length", "data", "mask_prompt", "append_eos", "stages.batch"),
    "optimizer.class": _UPDATE,
    "optimizer.betas": ("optimizer.betas", "adam_beta1", "adam_beta2", *_UPDATE),
    "optimizer.weight_decay": ("optimizer.weight_decay", "weight_decay", *_UPDATE),
    "lr": (*_RATE, "lr_scheduler_type", "stages.schedule"),
    "gradient_accumulation_steps": ("accumulation", "gradient_accumulation_steps"),
    "per_device_train_batch_size": ("batch_size", "per_device_train_batch_size"),
    "lr_scheduler_type": ("schedule.name", "schedule.warmup", "lr_scheduler_type"),
    "warmup_steps": ("schedule.warmup", "warmup_steps"),
    "weight_decay": ("optimizer.weight_decay", "weight_decay"),
    "compile_mode": ("compile", "compile_mode", "stages.batch"),
    "completion_only_loss": ("mask_prompt", "completion_only_loss", "stages.batch"),
    "cast_norm_output_to_input_dtype": ("cast_norm_output_to_input_dtype", "stages.forward"),
}
"""By effective setting, the keys of a probe that ask for it, if their names differ from its own."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One effective setting that differs between the two arms."""

    name: str
    reference: Any
    candidate: Any
    declared: bool
    """Whether the probe asks for this difference; if not, only the effective settings show it."""


@dataclass(frozen=True, kw_only=True)
class Warned:
    """A setting that one arm asked for and its library ignored."""

    arm: ArmName
    ignored: Ignored

    def __str__(self) -> str:
        told = self.ignored
        asked = "does not set it" if told.asked is None else f"asks for {told.asked!r}"
        runs = "it has no effect" if told.effective is None else f"{told.effective!r} takes effect"
        return f"ignored: {told.name}: the {self.arm} {asked}; {runs} ({told.why})"


def differences(reference: Trace, candidate: Trace) -> tuple[Difference, ...]:
    """The effective settings that both arms have with different values; what only one trainer has is left out."""
    left, right = _effective(reference), _effective(candidate)
    asked, also_asked = (_flat(trace.header.declared) for trace in (reference, candidate))
    for word in {word for word in (*asked, *also_asked) if word.startswith("stages.")}:
        if asked.get(word, asked["provider"]) == also_asked.get(word, also_asked["provider"]):
            asked.pop(word, None)  # one arm takes this stage from the other's provider
            also_asked.pop(word, None)
    found = []
    for name in (name for name in left if name in right and left[name] != right[name]):
        words = _DECLARED_AS.get(name, (name, *_UPDATE) if name.startswith("optimizer.") else (name,))
        declared = any(asked.get(word) != also_asked.get(word) for word in words)
        found.append(Difference(name=name, reference=left[name], candidate=right[name], declared=declared))
    return tuple(found)


def warnings(traces: Mapping[ArmName, Trace]) -> tuple[Warned, ...]:
    """The ignored settings of the reference and of the candidate."""
    return tuple(
        Warned(arm=arm, ignored=each)
        for arm in BOTH_ARMS
        if arm in traces and (start := traces[arm].start) is not None
        for each in start.ignored
    )


def _effective(trace: Trace) -> dict[str, Any]:
    shown = dict(trace.start.effective) if trace.start is not None else {}
    return shown | {"lr": [step.lr for step in trace.steps]}


def _flat(declared: Mapping[str, Any]) -> dict[str, Any]:
    """`lora.layers`, `max_grad_value`, `stages.clip`: an arm's keys, without the names of the tables around them."""
    tables = {"stages.": declared.get("stages", {}), "": declared.get("settings", {})}
    flat = {prefix + name: value for prefix, table in tables.items() for name, value in table.items()}
    for keywords in declared.get("keywords", {}).values():
        flat |= keywords
    return dotted(declared.get("workload") or {}) | flat | {"provider": declared.get("provider")}
