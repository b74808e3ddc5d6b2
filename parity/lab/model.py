"""What is read from a live model and a live optimizer, whichever trainer created them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import mlx.optimizers as optim
from mlx import nn

from parity.lab.fingerprint import leaves, tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import mlx.core as mx

    from parity.trace.values import Tensor

_LAYER = re.compile(r"layers\.(\d+)\.")


def parameters(model: Any) -> dict[str, dict[str, Tensor]]:
    """Frozen (`base`) and `trainable` parameters, by canonical name."""
    base, trainable = named_parameters(model)
    return {"base": tensors(base), "trainable": tensors(trainable)}


def tensors(named: Mapping[str, mx.array]) -> dict[str, Tensor]:
    """Each leaf as a trace has it."""
    return {name: tensor(leaf) for name, leaf in named.items()}


def named_parameters(model: Any) -> tuple[dict[str, mx.array], dict[str, mx.array]]:
    """Frozen parameters by canonical name, and trainable ones."""
    frozen, trainable = _split(model)
    everything = frozen | trainable
    return {_unwired(name, everything): leaf for name, leaf in frozen.items()}, trainable


def all_parameters(model: Any) -> dict[str, Tensor]:
    """Every parameter of a model that has no LoRA layers yet."""
    return tensors(leaves(model.parameters()))


def model_in(tree: Any) -> Any:
    """The first model with something to train in what a compiled function captures; None if there is none.

    `Module.state` is the module itself.
    """
    if isinstance(tree, nn.Module):
        return tree if leaves(tree.trainable_parameters()) else None
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else ()
    return next((found for part in parts if (found := model_in(part)) is not None), None)


def effective(model: Any, optimizer: Any) -> dict[str, Any]:
    """What really runs, by dotted name: what is trained, and how the optimizer is configured."""
    frozen, trained = _split(model)
    return {
        **_configured("optimizer", optimizer),
        "dtype.base": _dtypes(frozen),
        "dtype.trainable": _dtypes(trained),
        **_wiring(model, trained),
    }


def counting(optimizer: Any) -> Any:
    """The optimizer that counts the steps: of a `MultiOptimizer`, which has no state of its own, the first in it."""
    while isinstance(optimizer, optim.MultiOptimizer):
        optimizer = optimizer.optimizers[0]
    return optimizer


def idle(optimizer: Any, names: Iterable[str]) -> tuple[str, ...]:
    """Of these tensors, those whose every state in the optimizer is still zero: they never had a gradient.

    Adam, AdamW, Lion, Muon and SGD with momentum keep sums of gradients; of a tensor without a state nothing is said.
    """
    if optimizer is None:
        return ()
    every = optimizer.optimizers if isinstance(optimizer, optim.MultiOptimizer) else [optimizer]
    summing = [each for each in every if getattr(each, "momentum", None) != 0]  # SGD makes a state and leaves it alone
    states = [(name, leaf) for each in summing for name, leaf in leaves(each.state).items()]
    kept: dict[str, list[bool]] = {}
    for name, leaf in states:
        kept.setdefault(name.rpartition(".")[0], []).append(bool((leaf == 0).all().item()))
    return tuple(name for name in sorted(names) if kept.get(name) and all(kept[name]))


def _configured(prefix: str, optimizer: Any) -> dict[str, Any]:
    plain = {
        f"{prefix}.{name}": list(value) if isinstance(value, tuple) else value
        for name, value in vars(optimizer).items()
        if not name.startswith("_") and _is_plain(value)
    }
    found = {f"{prefix}.class": type(optimizer).__name__, **plain}
    for number, each in enumerate(optimizer.optimizers if isinstance(optimizer, optim.MultiOptimizer) else ()):
        found |= _configured(f"{prefix}.{number}", each)
    return found


def _split(model: Any) -> tuple[dict[str, mx.array], dict[str, mx.array]]:
    """Frozen and trainable leaves."""
    trainable = leaves(model.trainable_parameters())
    return {name: leaf for name, leaf in leaves(model.parameters()).items() if name not in trainable}, trainable


def _is_plain(value: object) -> bool:
    single = isinstance(value, bool | int | float | str)
    return single or (isinstance(value, list | tuple) and all(_is_plain(each) for each in value))


def _dtypes(named: Mapping[str, mx.array]) -> str:
    counts = Counter(str(leaf.dtype).removeprefix("mlx.core.") for leaf in named.values())
    return ", ".join(f"{count} {dtype}" for dtype, count in sorted(counts.items())) or "none"


def _wiring(model: Any, trained: Mapping[str, mx.array]) -> dict[str, Any]:
    layers = {int(found[1]) for name in trained if (found := _LAYER.search(name))}
    wired = [module for _, module in model.named_modules() if "lora_a" in module]
    values = {
        "lora.layers": len(layers),
        "lora.rank": sorted({module.lora_a.shape[-1 if module.lora_a.ndim == 2 else -2] for module in wired}),
        "lora.scale": sorted(
            {module.scale for module in wired if isinstance(getattr(module, "scale", None), int | float)}
        ),
        "lora.dropout": sorted({round(1 - each._p_1, 9) for module in wired if (each := _dropout(module)) is not None}),
    }
    single = {name: each[0] if isinstance(each, list) and len(each) == 1 else each for name, each in values.items()}
    return single | {"trainable.tensors": len(trained), "trainable.values": sum(leaf.size for leaf in trained.values())}


def _dropout(module: Any) -> nn.Dropout | None:
    found = getattr(module, "dropout", None)
    return found if isinstance(found, nn.Dropout) else None


def _unwired(name: str, everything: Mapping[str, mx.array]) -> str:
    """The name before LoRA was added: a LoRA layer keeps its base weight under `.linear` or `.embedding`."""
    owner, _, leaf = name.rpartition(".")
    module, _, inner = owner.rpartition(".")
    wired = inner in {"linear", "embedding"} and f"{module}.lora_a" in everything
    return f"{module}.{leaf}" if wired else name
