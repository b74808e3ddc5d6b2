"""What canaries run on: a provider and a workload on which a fault can show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parity.metrics import Stage
from parity.probe.resources import RESOURCES
from parity.probe.values import Lora, Optimizer, Schedule, ScheduleName, Setting, Tuning, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

MLX_LM = "mlx-lm"
UNSLOTH_ZOO = "unsloth-zoo"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """An arm without a fault. The canaries on one ground share one recorded reference."""

    name: str
    provider: str
    workload: Workload
    settings: Mapping[str, Setting] = field(default_factory=dict)
    stages: Mapping[Stage, str] = field(default_factory=dict)
    """Stages that both arms take from another provider."""


def _workload(
    *,
    data: str = "varied",
    batch_size: int = 4,
    accumulation: int = 1,
    mask_prompt: bool = False,
    dropout: float = 0.0,
    decay: float = 0.1,
    schedule: Schedule | None = None,
    tuning: Tuning = Tuning.LORA,
) -> Workload:
    """Three steps at one seed: every fault of the catalogue shows in them, and a cell takes seconds."""
    return Workload(
        model=str(RESOURCES / "models" / "tiny-gemma3"),
        data=str(RESOURCES / "data" / data),
        seeds=(3407,),
        steps=3,
        batch_size=batch_size,
        accumulation=accumulation,
        mask_prompt=mask_prompt,
        tuning=tuning,
        lora=Lora(layers=4, dropout=dropout),
        optimizer=Optimizer(weight_decay=decay),
        schedule=schedule or Schedule(),
    )


_COSINE = Schedule(name=ScheduleName.COSINE, warmup=1)
_BINDING = 0.25
"""A bound on the global norm that every step of the tiny model exceeds."""

LOOP = Ground(name="loop", provider=MLX_LM, workload=_workload())
MASKED = Ground(name="masked", provider=MLX_LM, workload=_workload(data="completions", mask_prompt=True))
EPOCHS = Ground(name="epochs", provider=MLX_LM, workload=_workload(data="completions", batch_size=24))
"""Its second epoch begins with step 3."""
ACCUMULATED = Ground(name="accumulated", provider=MLX_LM, workload=_workload(batch_size=2, accumulation=3))
RAMPED = Ground(name="ramped", provider=MLX_LM, workload=_workload(dropout=0.1, schedule=_COSINE))
CLIPPED = Ground(
    name="clipped",
    provider=MLX_LM,
    workload=_workload(batch_size=2, accumulation=3),
    settings={"clip_grad_norm": _BINDING},
)

TRAINER = Ground(
    name="trainer",
    provider=UNSLOTH_ZOO,
    workload=_workload(schedule=_COSINE),
    settings={"max_grad_norm": _BINDING},
)
TRAINER_PLAIN = Ground(
    name="trainer-plain",
    provider=UNSLOTH_ZOO,
    workload=_workload(),
    settings={"max_grad_value": 0.0, "report_grad_norm": True},
)
TRAINER_ACCUMULATED = Ground(
    name="trainer-accumulated",
    provider=UNSLOTH_ZOO,
    workload=_workload(batch_size=2, accumulation=3),
    settings={"max_grad_value": 0.0, "report_grad_norm": True},
)
TRAINER_MASKED = Ground(
    name="trainer-masked",
    provider=UNSLOTH_ZOO,
    workload=_workload(data="completions", mask_prompt=True),
    settings={"max_grad_value": 0.0, "report_grad_norm": True},
)
TRAINER_FULL = Ground(
    name="trainer-full",
    provider=UNSLOTH_ZOO,
    workload=_workload(tuning=Tuning.FULL),
    settings={"max_grad_value": 0.0},
    stages={Stage.ADAPT: MLX_LM},
)
