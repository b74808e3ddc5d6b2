"""What a trained model does: the outcome metrics of the original investigation, measured after training."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np
from mlx import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.probe.inputs import Row
    from parity.probe.values import Outcomes, Workload
    from parity.trainers.protocol import Loaded


def outcomes(loaded: Loaded, rows: Sequence[Row], workload: Workload, asked: Outcomes) -> dict[str, float | bool | str]:
    """The outcomes that a probe asks for, by name; the model is left in evaluation mode.

    Returns:
        `post_train_loss`: nats per target, over every distinct row as mlx-lm tokenizes it (text rows get an EOS).
        `completion_loss`: nats per token of `asked.completion` after `asked.prompt`, teacher-forced.
        `contains`: whether the text that is generated greedily after the prompt contains `asked.contains`.
        `generated`: that text.

    """
    loaded.model.eval()
    found: dict[str, float | bool | str] = {"post_train_loss": _loss_of_rows(loaded, rows, workload)}
    if asked.completion:
        found["completion_loss"] = _completion_loss(loaded, asked)
    if asked.contains:
        found["generated"] = _generated(loaded, asked)
        found["contains"] = asked.contains in str(found["generated"])
    return found


def _loss_of_rows(loaded: Loaded, rows: Sequence[Row], workload: Workload) -> float:
    from mlx_lm.tuner.datasets import create_dataset  # noqa: PLC0415 - the lab imports a trainer when it runs one

    distinct = list({repr(row): row for row in rows}.values())
    dataset = create_dataset(distinct, loaded.tokenizer, SimpleNamespace(mask_prompt=workload.mask_prompt))
    summed, counted = 0.0, 0
    for row in distinct:
        tokens, offset = dataset.process(row)
        tokens = tokens[: workload.max_seq_length]
        losses = _token_losses(loaded.model, tokens)[max(offset - 1, 0) :]
        summed += float(np.array(losses).sum(dtype=np.float64))
        counted += losses.size
    return summed / counted


def _completion_loss(loaded: Loaded, asked: Outcomes) -> float:
    prompt = loaded.tokenizer.encode(asked.prompt)
    completion = loaded.tokenizer.encode(asked.completion, add_special_tokens=False)
    losses = _token_losses(loaded.model, [*prompt, *completion])[len(prompt) - 1 :]
    return float(np.array(losses).mean(dtype=np.float64))


def _token_losses(model: Any, tokens: Sequence[int]) -> mx.array:
    """Cross entropy of each token after the first, nats, float32 [tokens − 1]."""
    ids = mx.array([tokens])
    losses: mx.array = nn.losses.cross_entropy(model(ids[:, :-1]).astype(mx.float32), ids[:, 1:])[0]
    return losses


def _generated(loaded: Loaded, asked: Outcomes) -> str:
    from mlx_lm import generate  # noqa: PLC0415 - the lab imports a trainer when it runs one

    text: str = generate(loaded.model, loaded.tokenizer, prompt=asked.prompt, max_tokens=asked.max_tokens)
    return text
