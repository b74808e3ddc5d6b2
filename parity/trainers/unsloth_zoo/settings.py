"""What a probe can set in unsloth_zoo, and which stage reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.metrics import Stage
from parity.trainers.protocol import FunctionKind, SettingKind

if TYPE_CHECKING:
    from parity.trainers.protocol import SettingKinds

CONFIG = "MLXTrainingConfig"


CONFIG_FIELDS = FunctionKind(
    stage=Stage.GRADIENT,
    keywords={
        "append_eos": Stage.BATCH,
        "assistant_": Stage.BATCH,
        "chat_template": Stage.BATCH,
        "completion_only_loss": Stage.BATCH,
        "dataset_": Stage.BATCH,
        "max_seq_length": Stage.BATCH,
        "packing": Stage.BATCH,
        "preserve_dataset_order": Stage.BATCH,
        "seed": Stage.BATCH,
        "streaming": Stage.BATCH,
        "train_on_completions": Stage.BATCH,
        "cast_": Stage.FORWARD,
        "compile": Stage.FORWARD,
        "gradient_checkpointing": Stage.FORWARD,
        "neftune_": Stage.FORWARD,
        "patch_": Stage.FORWARD,
        "gkd_": Stage.LOSS,
        "label_smoothing": Stage.LOSS,
        "teacher_": Stage.LOSS,
        "use_cce": Stage.LOSS,
        "max_grad": Stage.CLIP,
        "learning_rate": Stage.SCHEDULE,
        "lr_": Stage.SCHEDULE,
        "warmup": Stage.SCHEDULE,
        "adam_": Stage.UPDATE,
        "embedding_learning_rate": Stage.UPDATE,
        "lora_plus_ratio": Stage.UPDATE,
        "optim": Stage.UPDATE,
        "weight_decay": Stage.UPDATE,
    },
)
"""Which stage reads a field of `MLXTrainingConfig` (2026.5 to 2026.10). The training loop reads the rest."""


CONFIG_SETTINGS: SettingKinds = {
    name: SettingKind(type=kind, stage=CONFIG_FIELDS.stage_of(name))
    for name, kind in {
        "max_grad_value": float,
        "max_grad_norm": float,
        "max_grad_leaf_norm": float,
        "use_cce": bool,
        "patch_mode": str,
        "cast_norm_output_to_input_dtype": bool,
        "append_eos": bool,
        "dataset_order": str,
        "report_grad_norm": bool,
        "lr_scheduler_type": str,
    }.items()
}
"""Settings that are fields of `MLXTrainingConfig` in the releases that have them."""

SETTINGS: SettingKinds = {**CONFIG_SETTINGS, "dtype": SettingKind(type=str, stage=Stage.LOAD)}

FUNCTIONS = {
    "from_pretrained": FunctionKind(stage=Stage.LOAD),
    "get_peft_model": FunctionKind(stage=Stage.ADAPT),
    CONFIG: CONFIG_FIELDS,
}
"""The functions to which a probe can pass keywords unchecked."""
