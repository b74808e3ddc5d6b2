from __future__ import annotations

import json
from typing import TYPE_CHECKING

import mlx.core as mx
import pytest
from mlx import nn

from parity.lab.fingerprint import tensor
from parity.lab.left import left
from parity.lab.patches import functions

if TYPE_CHECKING:
    from pathlib import Path

LORA = {"fine_tune_type": "lora", "num_layers": 4, "lora_parameters": {"rank": 8, "scale": 2.0, "dropout": 1 - 0.9}}


class Wired(nn.Module):  # type: ignore[misc]
    """A layer as mlx-lm wires it, as far as it holds plain values."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2, bias=False)
        self.dropout = nn.Dropout(0.25)
        self.scale = 2.0
        self._mark_of_a_library = "patched"


def saved(folder: Path, name: str = "adapters.safetensors", **tensors: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(folder / name), {name: mx.array(value) for name, value in tensors.items()})


def test_modules_hold_plain_values_by_path_and_private_ones_only_where_mlx_computes_with_them(tmp_path: Path) -> None:
    model = Wired()
    model.inner.eval()
    assert left(model, tmp_path, functions()).modules == {
        "_training": "True",
        "scale": "2.0",
        "dropout._p_1": "0.75",
        "dropout._training": "True",
        "inner._training": "False",
    }


def test_nothing_is_saved_where_no_file_is(tmp_path: Path) -> None:
    found = left(Wired(), tmp_path, functions())
    assert (found.saved, found.saved_settings, found.patched) == (None, None, ())


def test_an_adapter_is_read_with_its_settings_and_one_of_a_checkpoint_is_not(tmp_path: Path) -> None:
    saved(tmp_path / "out" / "checkpoint-2", lora_a=1.0)
    saved(tmp_path / "out", lora_a=2.0, lora_b=3.0)
    (tmp_path / "out" / "adapter_config.json").write_text(json.dumps(LORA))
    found = left(Wired(), tmp_path, functions())
    assert found.saved == {"lora_a": tensor(mx.array(2.0)), "lora_b": tensor(mx.array(3.0))}
    assert found.saved_settings == {"fine_tune_type": "lora", "rank": "8", "scale": "2", "dropout": "0.1"}


def test_of_a_whole_model_only_what_was_trained_counts(tmp_path: Path) -> None:
    model = Wired()
    saved(tmp_path, "model-1.safetensors", **{"inner.weight": 1.0})
    saved(tmp_path, "model-2.safetensors", **{"embedding.weight": 2.0})
    found = left(model, tmp_path, functions())
    assert (found.saved, found.saved_settings) == ({"inner.weight": tensor(mx.array(1.0))}, None)


@pytest.mark.parametrize("parameters", [None, {"rank": 8}])
def test_a_setting_that_is_missing_is_said_to_be_none(tmp_path: Path, parameters: object) -> None:
    saved(tmp_path, lora_a=1.0)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_parameters": parameters}))
    found = left(Wired(), tmp_path, functions()).saved_settings
    assert found is not None
    assert (found["fine_tune_type"], found["scale"]) == ("lora", "None")
