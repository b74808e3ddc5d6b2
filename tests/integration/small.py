"""The tiny model cut to its first six layers: all of its kinds of layer, and a third of the time of a step."""

from __future__ import annotations

import atexit
import json
import shutil
import struct
import tempfile
from functools import cache
from pathlib import Path

_TINY = Path(__file__).parents[2] / "fixtures" / "models" / "tiny-gemma3"
_LAYERS = 6
"""The sixth is the first whose attention has no sliding window."""


@cache
def small() -> Path:
    """A file for a probe to extend: this model, LoRA on the last four layers, two rows a batch."""
    folder = Path(tempfile.mkdtemp(prefix="parity-small-"))
    atexit.register(shutil.rmtree, folder)
    model = folder / "model"
    shutil.copytree(_TINY, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"num_hidden_layers": _LAYERS}))
    weights = model / "model.safetensors"
    weights.write_bytes(_without_the_rest(weights.read_bytes()))
    probe = folder / "small.toml"
    probe.write_text(f'[workload]\nmodel = "{model}"\nbatch_size = 2\n[workload.lora]\nlayers = {_LAYERS - 2}\n')
    return probe


def _without_the_rest(safetensors: bytes) -> bytes:
    (length,) = struct.unpack_from("<Q", safetensors)
    header, data = json.loads(safetensors[8 : 8 + length]), safetensors[8 + length :]
    kept, parts, at = {"__metadata__": header.pop("__metadata__")}, [], 0
    for name, tensor in header.items():
        if ".layers." in name and int(name.split(".")[2]) >= _LAYERS:
            continue
        start, end = tensor["data_offsets"]
        parts.append(data[start:end])
        kept[name] = tensor | {"data_offsets": [at, at + end - start]}
        at += end - start
    text = json.dumps(kept).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(parts)
