"""Faults in the base weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.canaries.canary import canary
from parity.canaries.ground import LOOP, TRAINER_PLAIN
from parity.metrics import Stage
from parity.trainers.mlx_lm.loop import MlxLmLoop
from parity.trainers.unsloth_zoo.provider import UnslothZoo

if TYPE_CHECKING:
    from parity.trainers.protocol import Job, Loaded


@canary(on=LOOP, stage=Stage.LOAD, step=0)
class WeightsInFloat16(MlxLmLoop):
    """The weights are in float16."""

    def load(self, job: Job) -> Loaded:
        import mlx.core as mx

        loaded = super().load(job)
        loaded.model.set_dtype(mx.float16)
        return loaded


@canary(on=LOOP, stage=Stage.LOAD, step=0)
class OneWeightOff(MlxLmLoop):
    """One weight differs in its last bit.

    It is in the first layer, which has no adapter.
    """

    def load(self, job: Job) -> Loaded:
        import mlx.core as mx

        loaded = super().load(job)
        owner = loaded.model.layers[0].mlp.down_proj
        bits = owner.weight.view(mx.uint16)
        bits[0, 0] = bits[0, 0] ^ 1
        owner.weight = bits.view(owner.weight.dtype)
        return loaded


@canary(on=TRAINER_PLAIN, stage=Stage.LOAD, step=0)
class TrainerWeightsInFloat16(UnslothZoo):
    """FastMLXModel: the weights are in float16."""

    def load(self, job: Job) -> Loaded:
        return super().load(replace(job, settings={**job.settings, "dtype": "float16"}))
