"""What an arm saved: the tensors of its adapter, and what the configuration beside it says of LoRA."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import mlx.core as mx

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_ADAPTER = "adapters.safetensors"
_WHOLE = "model*.safetensors"
_SETTINGS = "adapter_config.json"
_LORA = ("rank", "scale", "dropout")


def saved(folder: Path, trained: Collection[str]) -> dict[str, mx.array] | None:
    """The tensors of the final adapter, by name; of a whole model, those that were trained. None if nothing was saved.

    Args:
        folder: what the arm was given to write to.
        trained: the names of what was trained.

    """
    files = _files(folder)
    if not files:
        return None
    every: dict[str, mx.array] = {}
    for file in files:
        loaded = mx.load(str(file))
        assert isinstance(loaded, dict)
        every |= loaded
    is_adapter = files[0].name == _ADAPTER
    return {name: leaf for name, leaf in sorted(every.items()) if is_adapter or name in trained}


def saved_settings(folder: Path) -> dict[str, str] | None:
    """What `mlx_lm.tuner.utils.load_adapters` makes a layer of (mlx-lm 0.30 to 0.32). None if nothing was saved."""
    files = _files(folder)
    if not files or not (file := files[0].with_name(_SETTINGS)).is_file():
        return None
    said = json.loads(file.read_text("utf-8"))
    lora = said.get("lora_parameters") or {}
    kind = {"fine_tune_type": str(said.get("fine_tune_type", "lora"))}
    return kind | {name: _number(lora.get(name)) for name in _LORA}


def _files(folder: Path) -> list[Path]:
    """The files of the final adapter, or else of the whole model; those of checkpoints lie deeper."""
    for name in (_ADAPTER, _WHOLE):
        if found := sorted(folder.rglob(name), key=lambda path: (len(path.parts), path)):
            return [path for path in found if path.parent == found[0].parent]
    return []


def _number(value: object) -> str:
    """To nine digits, since a library may read 1 − (1 − p) back."""
    return f"{value:.9g}" if isinstance(value, int | float) else str(value)
