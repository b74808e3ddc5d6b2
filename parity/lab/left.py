"""What an arm leaves behind when it has trained: what its modules hold, what it saved, functions that it changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from parity.lab.fingerprint import leaves, tensor
from parity.lab.patches import patched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from parity.trace.values import Tensor

_ADAPTER = "adapters.safetensors"
_WHOLE = "model*.safetensors"
_SETTINGS = "adapter_config.json"
_PRIVATE = {"_training", "_p_1"}
"""Private values that decide what MLX's own modules compute: of `nn.Module` and `nn.Dropout` (mlx 0.30 to 0.32)."""
_LORA = ("rank", "scale", "dropout")


@dataclass(frozen=True, kw_only=True)
class Left:
    """As the fields of `parity.trace.values.End` of these names."""

    modules: Mapping[str, str] = field(default_factory=dict)
    saved: Mapping[str, Tensor] | None = None
    saved_settings: Mapping[str, str] | None = None
    patched: tuple[str, ...] = ()


NOTHING = Left()


def left(model: Any, scratch: Path, before: dict[str, object]) -> Left:
    """Looks at everything that an arm leaves.

    Args:
        model: as it was trained.
        scratch: the folder that the arm was given to write to.
        before: as `parity.lab.patches.functions` returned it.

    """
    files = _saved_files(scratch)
    return Left(
        modules=_modules(model),
        saved=_tensors(files, set(leaves(model.trainable_parameters()))) if files else None,
        saved_settings=_settings(files[0].with_name(_SETTINGS)) if files else None,
        patched=patched(before),
    )


def _modules(model: Any) -> dict[str, str]:
    """By dotted path: `model.layers.0.self_attn.q_proj.scale` → `2.0`."""
    return {
        f"{path}.{name}".removeprefix("."): repr(value)
        for path, module in sorted(model.named_modules())
        for name, value in sorted(vars(module).items())
        if isinstance(value, bool | int | float | str | None) and (not name.startswith("_") or name in _PRIVATE)
    }


def _saved_files(scratch: Path) -> list[Path]:
    """The files of the final adapter, or else of the whole model; those of checkpoints lie deeper."""
    for name in (_ADAPTER, _WHOLE):
        if found := sorted(scratch.rglob(name), key=lambda path: (len(path.parts), path)):
            return [path for path in found if path.parent == found[0].parent]
    return []


def _tensors(files: Sequence[Path], trained: Collection[str]) -> dict[str, Tensor]:
    """All tensors of an adapter; of a whole model, those that were trained."""
    every: dict[str, Any] = {}
    for file in files:
        loaded = mx.load(str(file))
        assert isinstance(loaded, dict)
        every |= loaded
    is_adapter = files[0].name == _ADAPTER
    return {name: tensor(leaf) for name, leaf in sorted(every.items()) if is_adapter or name in trained}


def _settings(file: Path) -> dict[str, str] | None:
    """What `mlx_lm.tuner.utils.load_adapters` makes a layer of (mlx-lm 0.30 to 0.32)."""
    if not file.is_file():
        return None
    said = json.loads(file.read_text("utf-8"))
    lora = said.get("lora_parameters") or {}
    return {"fine_tune_type": str(said.get("fine_tune_type", "lora"))} | {
        name: _number(lora.get(name)) for name in _LORA
    }


def _number(value: object) -> str:
    """To nine digits, since a library may read 1 − (1 − p) back."""
    return f"{value:.9g}" if isinstance(value, int | float) else str(value)
