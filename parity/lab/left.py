"""What an arm leaves behind when it has trained: what its modules hold, what it saved, functions that it changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.lab.fingerprint import leaves
from parity.lab.model import tensors
from parity.lab.patches import patched
from parity.lab.saved import saved, saved_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parity.trace.values import Tensor

_PRIVATE = {"_training", "_p_1"}
"""Private values that decide what MLX's own modules compute: of `nn.Module` and `nn.Dropout` (mlx 0.30 to 0.32)."""


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
    found = saved(scratch, set(leaves(model.trainable_parameters())))
    return Left(
        modules=_modules(model),
        saved=None if found is None else tensors(found),
        saved_settings=saved_settings(scratch),
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
