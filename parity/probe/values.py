"""A probe as plain values. Standard library only, since the lab imports this too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from parity.metrics import Stage

_MINUTES, _MINUTES_OF_A_PASS = 30, 3

Setting = bool | int | float | str


class ArmName(StrEnum):
    """What a cell trains, in this order; the reference is trained again after the candidate."""

    REFERENCE = "reference"
    CANDIDATE = "candidate"
    REFERENCE_AGAIN = "reference-again"


BOTH_ARMS = (ArmName.REFERENCE, ArmName.CANDIDATE)
"""The two that are compared."""


class VerdictKind(StrEnum):
    """The verdicts that two traces can get."""

    IDENTICAL = "identical"
    WITHIN = "within"
    DIVERGED = "diverged"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    NOT_RUN = "not run"
    """A probe without a trace: neither a pass nor a fail."""

    @property
    def passes(self) -> bool:
        """Whether a gate lets a candidate with this verdict through."""
        return self in {VerdictKind.IDENTICAL, VerdictKind.WITHIN}


class Tuning(StrEnum):
    """What is trained, in mlx-lm's words (`fine_tune_type`)."""

    LORA = "lora"
    DORA = "dora"
    FULL = "full"


class OptimizerName(StrEnum):
    """The optimizers of `mlx.optimizers` that both libraries can be asked for."""

    ADAMW = "adamw"
    ADAM = "adam"
    SGD = "sgd"
    LION = "lion"
    MUON = "muon"
    ADAFACTOR = "adafactor"


class ScheduleName(StrEnum):
    """Learning rates over the steps after warmup."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"


@dataclass(frozen=True, kw_only=True)
class Lora:
    """LoRA wiring, in the terms of `mlx_lm.tuner.utils.linear_to_lora_layers`."""

    rank: int = 8
    scale: float = 2.0
    dropout: float = 0.0
    layers: int = 16
    """How many of the last transformer blocks get LoRA; under full fine-tuning, how many are trained."""
    modules: tuple[str, ...] = (
        "self_attn.q_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
        "self_attn.o_proj",
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.down_proj",
    )


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """In the terms of `mlx.optimizers`; arguments that an optimizer does not have are left out."""

    name: OptimizerName = OptimizerName.ADAMW
    learning_rate: float = 1e-3
    """The highest rate, after warmup."""
    weight_decay: float = 0.0
    bias_correction: bool = True
    """Adam and AdamW only."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam and AdamW only."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The learning rate over the steps."""

    name: ScheduleName = ScheduleName.CONSTANT
    """After warmup, over the remaining steps; linear and cosine end at 0."""
    warmup: int = 0
    """Steps in which the rate rises from 0."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What both arms share."""

    model: str
    """A folder that `mlx_lm.load` reads, absolute after reading; or a hub id."""
    data: str
    """A folder with `train.jsonl`; its rows are text, chat or completions."""
    seeds: tuple[int, ...]
    steps: int = 30
    """Optimizer updates."""
    batch_size: int = 6
    """Rows per forward pass."""
    accumulation: int = 1
    """Forward passes per update."""
    max_seq_length: int = 64
    mask_prompt: bool = False
    """Chat and completion rows: train on the last answer only."""
    compile: bool = True
    gradient_checkpointing: bool = False
    tuning: Tuning = Tuning.LORA
    lora: Lora = field(default_factory=Lora)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side of a probe."""

    provider: str
    stages: Mapping[Stage, str] = field(default_factory=dict)
    """Stages that come from another provider."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """The provider's own settings; those left out have the default that the harness documents."""
    keywords: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    """By function of the library, keywords that are passed to it unchecked."""
    workload: Workload | None = None
    """The probe's workload with this arm's differences; None: it has none."""
    command: tuple[str, ...] = ()
    """A program and its arguments, which are traced as they are; then the provider is `command`. Empty: none."""
    python: str = ""
    """The absolute path of the Python whose programs the command finds first; empty: that of the cell."""
    directory: str = ""
    """The absolute path of the folder that the command runs in."""

    def lender(self, stage: Stage) -> str:
        """The provider whose implementation of a stage the arm uses."""
        return self.stages.get(stage, self.provider)


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What is measured after training, in addition to the loss on the rows."""

    prompt: str
    completion: str = ""
    """Text whose teacher-forced loss after the prompt is measured; empty: not measured."""
    contains: str = ""
    """Text that greedy generation after the prompt should contain; empty: nothing is generated."""
    max_tokens: int = 48
    """Limit of the generated text."""


OUTCOMES = ("post_train_loss", "completion_loss", "contains")


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The verdict that a probe declares, and where a difference, accepted or not, must start."""

    verdict: VerdictKind
    stage: Stage | None = None
    step: int | None = None
    equal: tuple[str, ...] = ()
    """Metrics that must not differ at any step, so that a declared divergence cannot hide another one."""
    only: tuple[Stage, ...] = ()
    """All stages at which the arms differ: done as the reference does, the candidate must be identical."""
    outcomes: Mapping[str, VerdictKind] = field(default_factory=dict)
    """The verdict over all seeds, by outcome; outcomes left out are reported but decide nothing."""
    because: str = ""
    """The reason, for readers of a report."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One experiment: a workload, two arms, and the verdict that is expected."""

    name: str
    """Folder and file name without the extension: `current/strict`."""
    question: str
    workload: Workload
    reference: Arm
    candidate: Arm
    expect: Expectation
    outcomes: Outcomes | None = None
    """What is measured after training; None: nothing."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """By distribution name, a release or the absolute path of a checkout or a wheel; empty: parity's environment."""
    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Largest accepted |delta| by metric, in the metric's own unit; empty: bit for bit."""
    minutes: float | None = None
    """How long one process of a cell may take; None: as `seconds` says."""
    file: str = ""
    """The path that it was read from, as the user typed it; empty if it was not read from a file."""
    overrides: tuple[str, ...] = ()
    """The keys that `--set` has changed, each `KEY=VALUE`."""
    rest_of: str = ""
    """The name of the probe that this one is the rest of; empty if it was read from a file."""

    @property
    def content(self) -> Probe:
        """What is asked, without where it was asked from: equal contents are the same experiment."""
        return replace(self, file="", overrides=())

    @property
    def reference_alone(self) -> Probe:
        """What is asked of the reference: where it is equal, references train alike at the same seed."""
        workload = replace(self.workload_of(ArmName.REFERENCE), seeds=())
        arm = replace(self.reference, workload=None)
        return Probe(
            name="",
            question="",
            workload=workload,
            reference=arm,
            candidate=arm,
            expect=Expectation(verdict=VerdictKind.IDENTICAL),
            outcomes=self.outcomes,
            environment=self.environment,
        )

    @property
    def seconds(self) -> float:
        """How long one process of a cell may take; unless the probe says so, what no honest trainer needs."""
        if self.minutes is not None:
            return 60 * self.minutes
        passes = self.workload.steps * max(self.workload_of(name).accumulation for name in ArmName)
        return 60 * (_MINUTES + _MINUTES_OF_A_PASS * passes)

    def arm(self, name: ArmName) -> Arm:
        """The arm of this name; the reference's repetition has the reference's arm."""
        return self.candidate if name is ArmName.CANDIDATE else self.reference

    @property
    def has_equal_arms(self) -> bool:
        """Whether both arms ask for the same: then nothing that is declared can differ."""
        reference, candidate = (
            replace(
                self.arm(name),
                stages={stage: self.arm(name).lender(stage) for stage in Stage},
                workload=self.workload_of(name),
            )
            for name in BOTH_ARMS
        )
        return reference == candidate

    def workload_of(self, name: ArmName) -> Workload:
        """The workload of the arm of this name."""
        return self.arm(name).workload or self.workload


def dotted(table: Mapping[str, Any], *, with_empty: bool = False) -> dict[str, Any]:
    """The leaves of nested tables, by dotted name: `lora.rank`.

    Args:
        table: of whatever depth.
        with_empty: keep an empty table as a leaf; otherwise it leaves nothing.

    """
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict) and (value or not with_empty):
            below = dotted(value, with_empty=with_empty)
            found |= {f"{name}.{inner}": leaf for inner, leaf in below.items()}
        else:
            found[name] = value
    return found


def to_plain(probe: Probe) -> dict[str, Any]:
    """A probe as JSON types, for the process that runs a cell of it."""
    return asdict(probe)


def from_plain(plain: Mapping[str, Any]) -> Probe:
    """The inverse of `to_plain`; trusts its input, which `parity.probe.file` has checked."""
    expect = plain["expect"]
    return Probe(
        **{
            **plain,
            "workload": _workload(plain["workload"]),
            "reference": _arm(plain["reference"]),
            "candidate": _arm(plain["candidate"]),
            "expect": Expectation(
                **expect
                | {
                    "verdict": VerdictKind(expect["verdict"]),
                    "stage": None if expect["stage"] is None else Stage(expect["stage"]),
                    "equal": tuple(expect["equal"]),
                    "only": tuple(Stage(stage) for stage in expect["only"]),
                    "outcomes": {name: VerdictKind(kind) for name, kind in expect["outcomes"].items()},
                }
            ),
            "outcomes": None if plain["outcomes"] is None else Outcomes(**plain["outcomes"]),
            "overrides": tuple(plain["overrides"]),
        }
    )


def _arm(plain: Mapping[str, Any]) -> Arm:
    stages = {Stage(stage): name for stage, name in plain["stages"].items()}
    workload = None if plain["workload"] is None else _workload(plain["workload"])
    return Arm(**{**plain, "stages": stages, "workload": workload, "command": tuple(plain["command"])})


def _workload(plain: Mapping[str, Any]) -> Workload:
    lora, optimizer, schedule = plain["lora"], plain["optimizer"], plain["schedule"]
    return Workload(
        **{
            **plain,
            "seeds": tuple(plain["seeds"]),
            "tuning": Tuning(plain["tuning"]),
            "lora": Lora(**lora | {"modules": tuple(lora["modules"])}),
            "optimizer": Optimizer(
                **optimizer | {"name": OptimizerName(optimizer["name"]), "betas": tuple(optimizer["betas"])}
            ),
            "schedule": Schedule(**schedule | {"name": ScheduleName(schedule["name"])}),
        }
    )
