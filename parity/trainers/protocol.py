"""What a provider is. Light on purpose: naming a provider must not import a trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from parity.probe.values import Stage

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from parity.probe.inputs import Row
    from parity.probe.values import Setting, Workload
    from parity.trace.values import Ignored

CANARY_PREFIX = "canary/"
"""How the names of changed providers begin; probes cannot use them."""


@dataclass(frozen=True, kw_only=True)
class SettingKind:
    """What a setting of a provider holds, and which stage reads it."""

    type: type[bool] | type[int] | type[float] | type[str]
    stage: Stage
    """The setting goes with this stage when `explain` swaps it."""


@dataclass(frozen=True, kw_only=True)
class FunctionKind:
    """A function of a library to which a probe can pass keywords unchecked, and which stages read them."""

    stage: Stage
    """Of every keyword that `keywords` does not name."""
    keywords: Mapping[str, Stage] = field(default_factory=dict)
    """Keywords of another stage, by their name or by how their names begin."""

    def stage_of(self, keyword: str) -> Stage:
        """The stage that reads a keyword; the longest beginning counts."""
        known = [name for name in self.keywords if keyword.startswith(name)]
        return self.keywords[max(known, key=len)] if known else self.stage


SettingKinds = Mapping[str, SettingKind]


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """Which stage each setting and each keyword of a probe belongs to."""

    settings: Mapping[str, Stage]
    functions: Mapping[str, FunctionKind]

    def of_keyword(self, function: str, keyword: str) -> Stage | None:
        """The stage of a keyword; None where no provider declares the function."""
        kind = self.functions.get(function)
        return None if kind is None else kind.stage_of(keyword)


LearningRate = float | Callable[[Any], Any]
"""Constant, or the number of updates so far (int32 array, or int) → learning rate (float32 array)."""

SHARED_SETTINGS: SettingKinds = {
    "reseed_after_load": SettingKind(type=bool, stage=Stage.ADAPT),
    "numpy_seed": SettingKind(type=int, stage=Stage.BATCH),
}
"""Settings of every arm, whichever provider it has; the cell itself obeys them.

`reseed_after_load` (default true): seed `mx.random` again between load and adapt, as mlx-lm's
`lora.py` does. Loading draws from it (`nn.Linear.__init__`), so without it LoRA starts elsewhere.
`numpy_seed` (default: the cell's): of `numpy.random`, which orders mlx-lm's batches.
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What an arm is asked to do."""

    workload: Workload
    seed: int
    settings: Mapping[str, Setting]
    rows: tuple[Row, ...]
    scratch: Path
    """A folder for whatever a trainer insists on writing."""
    stages: Mapping[Stage, Provider]
    """Whose implementation of each stage this arm runs, its own included."""
    keywords: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    """By function of the library, what the probe passes to it unchecked."""
    warn: Callable[[Ignored], None] = lambda _: None
    """Told of whatever the library takes and does not do."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """How a gradient is bounded."""

    bound: str
    """In words: `value 1`, `norm 1`, `leaf_norm 1`."""
    apply: Callable[[Any], Any]
    """A gradient tree → the tree that the optimizer receives; called while the step is traced."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model and its tokenizer: `mlx.nn.Module` and `mlx_lm.tokenizer_utils.TokenizerWrapper`."""

    model: Any
    tokenizer: Any


class Tap(Protocol):
    """What a trainer is given to say that a step has ended; `parity.lab.tap.Tap` records it."""

    read_back: Callable[[Mapping[str, Any]], dict[str, Any]]
    """Called once, after step 1, with the plain variables around the trainer's `optimizer.update`: returns
    the settings that are really in effect, by name."""

    def end_of_step(self, reported: Mapping[str, float | None]) -> None:
        """Called after each optimizer update that has been evaluated, with what the trainer says of it."""
        ...


class Provider(Protocol):
    """One library's implementation of the stages.

    Register a class under the entry-point group `mlx_parity.providers`; its name there is the name
    that probes use. Import the library inside the methods, and raise
    `parity.errors.UnavailableError` where it, or a part of it, is missing. A method of a stage that is
    not in `lends` is never called for another arm.
    """

    distributions: ClassVar[tuple[str, ...]]
    """Distributions that it runs; their versions go into the trace's header."""
    lends: ClassVar[frozenset[Stage]]
    """Stages that an arm of another provider can take from this one."""
    borrows: ClassVar[frozenset[Stage]]
    """Stages that an arm of this provider can take from another."""
    settings: ClassVar[SettingKinds]
    """By name, what a probe can set."""
    takes_keywords: ClassVar[Mapping[str, FunctionKind]]
    """By name, functions of the library to which a probe can pass keywords as they are."""
    weighs_tokens: ClassVar[bool]
    """Whether accumulation takes the mean over tokens, or over passes whatever their tokens."""

    def check_installed(self) -> None:
        """Raises `UnavailableError`, with the command that installs it, where the library is missing.

        Must not import it: the reference arm runs in a process that has never seen the candidate.
        """
        ...

    def load(self, job: Job) -> Loaded:
        """Loads base weights and tokenizer of `job.workload.model`."""
        ...

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Freezes what is not trained and wires LoRA or DoRA in, in place."""
        ...

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        """The library's own batches, `steps` × `accumulation` of them or more.

        Yields:
            Token ids, int32 [batch, length]; the offset and length of each row, int32 [batch, 2]; and, where
            the library has them, labels, int32 [batch, length] with −100 where nothing is supervised.

        """
        ...

    def forward(self, loaded: Loaded, job: Job) -> AbstractContextManager[None]:
        """What the library changes in a model for the time of training."""
        ...

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """The library's own loss.

        Returns:
            (model, token ids, offsets and lengths[, labels]) → token-mean loss in nats, and supervised tokens.

        """
        ...

    def clip(self, job: Job) -> Clip | None:
        """The library's clipping under `job.settings`; None where it does not clip."""
        ...

    def schedule(self, job: Job) -> LearningRate:
        """The learning rate of `job.workload`."""
        ...

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        """An `mlx.optimizers.Optimizer`; what the library does to parameters beside it is in its `update`."""
        ...

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Runs `job.workload.steps` optimizer updates; calls `tap.end_of_step` after each.

        Takes each stage from `job.stages`. May set `tap.read_back`.
        """
        ...
