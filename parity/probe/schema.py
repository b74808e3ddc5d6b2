"""What a probe file may contain: the values of a probe, with the checks that pydantic runs on each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from parity.errors import shortened
from parity.metrics import Stage
from parity.probe.values import (
    Arm,
    Expectation,
    Lora,
    Optimizer,
    Outcomes,
    Probe,
    Schedule,
    Setting,
    VerdictKind,
    Workload,
    to_plain,
)

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
MOST_SEEDS = 10_000
"""Each is a cell, with a process and a folder of its own."""
Word = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Beta = Annotated[float, Field(ge=0, lt=1)]
ReleaseOrPath = Annotated[str, Field(pattern=r"^([0-9][0-9A-Za-z.+!-]*|/.+)$")]


@dataclass(frozen=True, kw_only=True)
class _Lora(Lora):
    __pydantic_config__ = STRICT
    rank: Positive = Lora.rank
    layers: Positive = Lora.layers
    modules: Annotated[tuple[str, ...], Field(min_length=1)] = Lora.modules
    dropout: Annotated[float, Field(ge=0, lt=1)] = Lora.dropout


@dataclass(frozen=True, kw_only=True)
class _Optimizer(Optimizer):
    __pydantic_config__ = STRICT
    learning_rate: Annotated[float, Field(ge=0)] = Optimizer.learning_rate
    weight_decay: Annotated[float, Field(ge=0)] = Optimizer.weight_decay
    betas: tuple[Beta, Beta] = Optimizer.betas


@dataclass(frozen=True, kw_only=True)
class _Schedule(Schedule):
    __pydantic_config__ = STRICT
    warmup: Annotated[int, Field(ge=0)] = Schedule.warmup


@dataclass(frozen=True, kw_only=True)
class _Workload(Workload):
    __pydantic_config__ = STRICT
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS)]
    steps: Positive = Workload.steps
    batch_size: Positive = Workload.batch_size
    accumulation: Positive = Workload.accumulation
    max_seq_length: Annotated[int, Field(ge=2)] = Workload.max_seq_length
    lora: _Lora = field(default_factory=_Lora)
    optimizer: _Optimizer = field(default_factory=_Optimizer)
    schedule: _Schedule = field(default_factory=_Schedule)


@dataclass(frozen=True, kw_only=True)
class _Arm(Arm):
    __pydantic_config__ = STRICT
    stages: dict[Stage, str] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)
    keywords: dict[str, dict[str, Setting]] = field(default_factory=dict)
    workload: _Workload | None = None
    command: tuple[Word, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Expectation(Expectation):
    __pydantic_config__ = STRICT
    step: Annotated[int, Field(ge=0)] | None = None
    outcomes: dict[str, VerdictKind] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Outcomes(Outcomes):
    __pydantic_config__ = STRICT
    prompt: Annotated[str, Field(min_length=1)]
    max_tokens: Positive = Outcomes.max_tokens


@dataclass(frozen=True, kw_only=True)
class ProbeSchema(Probe):
    """A probe as written in a file, with checks of everything that can be wrong in it."""

    __pydantic_config__ = STRICT
    question: Annotated[str, Field(min_length=1)]
    workload: _Workload
    reference: _Arm
    candidate: _Arm
    expect: _Expectation
    outcomes: _Outcomes | None = None
    environment: dict[str, ReleaseOrPath] = field(default_factory=dict)
    tolerance: dict[str, Annotated[float, Field(ge=0)]] = field(default_factory=dict)
    minutes: Annotated[float, Field(gt=0)] | None = None


_ADAPTER = TypeAdapter(ProbeSchema)


def check(probe: Probe) -> None:
    """Checks a probe that was not read from a probe file.

    Raises:
        ValidationError: no probe file could say this; says where.

    """
    _ADAPTER.validate_json(json.dumps(to_plain(probe), default=str), strict=True)


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong, after its place if it has one."""
    first = error.errors()[0]
    return shortened(": ".join([*filter(None, [".".join(map(str, first["loc"]))]), first["msg"]]))
