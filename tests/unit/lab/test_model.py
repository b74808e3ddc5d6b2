from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.optimizers as optim
import pytest
from mlx import nn
from mlx_lm.models.switch_layers import SwitchLinear
from mlx_lm.tuner.dora import DoRALinear
from mlx_lm.tuner.lora import LoRAEmbedding, LoRALinear, LoRASwitchLinear

from parity.lab.fingerprint import tensor
from parity.lab.model import all_parameters, effective, idle, parameters

if TYPE_CHECKING:
    from collections.abc import Callable


def tree(**children: Any) -> Any:
    module = nn.Module()
    for name, child in children.items():
        setattr(module, name, child)
    return module


def model(*wired: int, rank: int = 2, scale: float = 3.0, dropout: float = 0.25) -> Any:
    """Three layers of a projection in float32 and a norm in bfloat16; LoRA around the projections named."""
    layers = [tree(q_proj=nn.Linear(4, 6), norm=nn.RMSNorm(4)) for _ in range(3)]
    for at, layer in enumerate(layers):
        layer.norm.weight = layer.norm.weight.astype(mx.bfloat16)
        layer.freeze()
        if at in wired:
            layer.q_proj = LoRALinear.from_base(layer.q_proj, r=rank, scale=scale, dropout=dropout)
    return tree(layers=layers)


def test_frozen_and_trainable_parameters_are_kept_apart() -> None:
    wired = model(2)
    read = parameters(wired)
    projections = [f"layers.{at}.q_proj" for at in range(3)]
    assert set(read["base"]) == {
        *(f"{name}.{leaf}" for name in projections for leaf in ("weight", "bias")),
        *(f"layers.{at}.norm.weight" for at in range(3)),
    }
    assert read["trainable"] == {
        "layers.2.q_proj.lora_a": tensor(wired.layers[2].q_proj.lora_a),
        "layers.2.q_proj.lora_b": tensor(wired.layers[2].q_proj.lora_b),
    }
    assert read["base"]["layers.0.norm.weight"].dtype == "bfloat16"


def test_what_is_unfrozen_is_trained_under_its_own_name() -> None:
    plain = model()
    assert parameters(plain) == {"base": all_parameters(plain), "trainable": {}}
    plain.layers[1].unfreeze()
    names = ["layers.1.norm.weight", "layers.1.q_proj.bias", "layers.1.q_proj.weight"]
    assert list(parameters(plain)["trainable"]) == names
    assert not set(parameters(plain)["base"]) & set(names)


@pytest.mark.parametrize(
    ("make", "wire"),
    [
        (lambda: nn.Linear(64, 32, bias=False), LoRALinear.from_base),
        (lambda: nn.Linear(64, 32), LoRALinear.from_base),
        (lambda: nn.QuantizedLinear(64, 32, group_size=64, bits=4), LoRALinear.from_base),
        (lambda: nn.Linear(64, 32), DoRALinear.from_base),
        (lambda: nn.Embedding(16, 32), LoRAEmbedding.from_base),
    ],
    ids=["linear", "with a bias", "quantized", "dora", "embedding"],
)
def test_wiring_changes_neither_names_nor_values_of_the_base(
    make: Callable[[], Any], wire: Callable[[Any], Any]
) -> None:
    owner = tree(module=make(), other=nn.Linear(2, 2))
    owner.freeze()
    before = all_parameters(owner)
    owner.module = wire(owner.module)
    read = parameters(owner)
    assert not before.keys() <= all_parameters(owner).keys()
    assert read["base"] == before
    assert (
        {"module.lora_a", "module.lora_b"} <= read["trainable"].keys() <= {"module.lora_a", "module.lora_b", "module.m"}
    )


@pytest.mark.parametrize("name", ["linear", "embedding"])
def test_a_module_that_is_merely_called_like_a_wired_one_keeps_its_name(name: str) -> None:
    owner = tree(block=tree(**{name: nn.Linear(2, 2, bias=False)}))
    owner.freeze()
    assert list(parameters(owner)["base"]) == [f"block.{name}.weight"]


@pytest.mark.parametrize(
    ("optimizer", "shown"),
    [
        (
            optim.AdamW(1e-3, betas=[0.5, 0.9], eps=1e-6, weight_decay=0.1, bias_correction=True),
            {"class": "AdamW", "betas": [0.5, 0.9], "eps": 1e-6, "weight_decay": 0.1, "bias_correction": True},
        ),
        (
            optim.SGD(optim.cosine_decay(1e-3, 10), momentum=0.5, nesterov=True),
            {"class": "SGD", "momentum": 0.5, "weight_decay": 0.0, "dampening": 0.0, "nesterov": True},
        ),
        (optim.Lion(1e-3, betas=(0.5, 0.9)), {"class": "Lion", "betas": [0.5, 0.9], "weight_decay": 0.0}),
    ],
)
def test_an_optimizer_is_its_class_and_its_arguments(optimizer: Any, shown: dict[str, Any]) -> None:
    optimizer.update_hook = print  # what a trainer hangs on it is no argument
    read = effective(model(), optimizer)
    own = {name.removeprefix("optimizer."): value for name, value in read.items() if name.startswith("optimizer.")}
    assert own == shown


def test_of_lists_only_those_of_plain_values_are_shown() -> None:
    optimizer = optim.Optimizer()
    optimizer.hooks, optimizer.bounds = (print,), [[mx.array(1.0)]]
    optimizer.groups, optimizer.nothing = [["a", 0.5], ["b", 2]], ()
    read = effective(model(), optimizer)
    own = {name: value for name, value in read.items() if name.startswith("optimizer.")}
    assert own == {
        "optimizer.class": "Optimizer",
        "optimizer.groups": [["a", 0.5], ["b", 2]],
        "optimizer.nothing": [],
    }
    assert json.loads(json.dumps(read)) == read


def test_wiring_is_read_off_the_modules() -> None:
    read = effective(model(1, 2), optim.SGD(1e-3))
    assert {name: value for name, value in read.items() if not name.startswith("optimizer.")} == {
        "dtype.base": "3 bfloat16, 6 float32",
        "dtype.trainable": "4 float32",
        "lora.layers": 2,
        "lora.rank": 2,
        "lora.scale": 3.0,
        "lora.dropout": 0.25,
        "trainable.tensors": 4,
        "trainable.values": 2 * (4 * 2 + 2 * 6),
    }


def test_wiring_that_is_not_the_same_everywhere_is_shown_as_what_there_is() -> None:
    mixed = model(0)
    mixed.layers[1].q_proj = LoRALinear.from_base(mixed.layers[1].q_proj, r=1, scale=0.5, dropout=0.5)
    read = effective(mixed, optim.SGD(1e-3))
    assert (read["lora.layers"], read["lora.rank"]) == (2, [1, 2])
    assert (read["lora.scale"], read["lora.dropout"]) == ([0.5, 3.0], [0.25, 0.5])


def test_experts_have_the_rank_that_they_were_wired_with() -> None:
    mixed = model(0, rank=2)
    experts = LoRASwitchLinear.from_base(SwitchLinear(4, 6, 5), r=2, scale=3.0, dropout=0.25)
    mixed.layers[1].experts = experts
    assert experts.lora_a.shape == (5, 2, 4)
    read = effective(mixed, optim.SGD(1e-3))
    assert (read["lora.rank"], read["lora.scale"], read["lora.dropout"]) == (2, 3.0, 0.25)


def test_an_embedding_has_the_rank_that_it_was_wired_with() -> None:
    wired = tree(module=LoRAEmbedding.from_base(nn.Embedding(16, 32), r=4))
    assert effective(wired, optim.SGD(1e-3))["lora.rank"] == 4


@pytest.mark.parametrize("dropout", [0.0, 0.05, 0.1, 0.2, 0.3, 0.9])
def test_dropout_is_the_number_that_was_asked_for(dropout: float) -> None:
    assert effective(model(0, 1, dropout=dropout), optim.SGD(1e-3))["lora.dropout"] == dropout


def test_a_model_without_lora_has_no_rank() -> None:
    plain = model()
    read = effective(plain, optim.SGD(1e-3))
    assert (read["dtype.trainable"], read["lora.layers"], read["trainable.values"]) == ("none", 0, 0)
    assert (read["lora.rank"], read["lora.scale"], read["lora.dropout"]) == ([], [], [])
    plain.layers[1].unfreeze()
    read = effective(plain, optim.SGD(1e-3))
    assert (read["lora.layers"], read["trainable.tensors"], read["dtype.trainable"]) == (1, 3, "1 bfloat16, 2 float32")


def test_what_is_read_is_the_same_in_a_trace() -> None:
    read = effective(model(0, 1), optim.AdamW(1e-3, betas=(0.5, 0.9)))
    assert json.loads(json.dumps(read)) == read


@pytest.mark.parametrize(
    "make", [optim.AdamW, optim.Lion, lambda learning_rate: optim.SGD(learning_rate, momentum=0.9)]
)
def test_a_tensor_that_never_had_a_gradient_is_told_by_the_optimizer(make: Callable[..., Any]) -> None:
    parameters = {"a": mx.ones(3), "b": {"c": mx.ones(2)}}
    optimizer = make(learning_rate=0.1)
    optimizer.apply_gradients({"a": mx.ones(3), "b": {"c": mx.zeros(2)}}, parameters)
    assert idle(optimizer, ["a", "b.c"]) == ("b.c",)


def test_of_an_optimizer_that_keeps_no_sums_nothing_is_said() -> None:
    optimizer = optim.SGD(learning_rate=0.1)
    optimizer.apply_gradients({"a": mx.zeros(3)}, {"a": mx.ones(3)})
    assert idle(optimizer, ["a"]) == idle(None, ["a"]) == ()
