"""The protocol of a provider. Imports no trainer, since naming a provider must not import one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from parity.metrics import Stage

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from parity.probe.inputs import Row
    from parity.probe.values import Setting, Workload
    from parity.trace.values import Ignored

CANARY_PREFIX = "canary/"
"""The prefix of the names of providers with a known fault; probes cannot use them."""


@dataclass(frozen=True, kw_only=True)
class SettingKind:
    """The type of a provider's setting, and the stage that reads it."""

    type: type[bool] | type[int] | type[float] | type[str]
    stage: Stage
    """The setting goes with this stage when `explain` swaps it."""


@dataclass(frozen=True, kw_only=True)
class FunctionKind:
    """A function of a library to which a probe can pass keywords unchecked, and which stages read them."""

    stage: Stage
    """The stage of every keyword that `keywords` does not name."""
    keywords: Mapping[str, Stage] = field(default_factory=dict)
    """Stages of the other keywords, by name or by prefix of the name."""

    def stage_of(self, keyword: str) -> Stage:
        """The stage that reads a keyword; the longest matching prefix decides."""
        known = [name for name in self.keywords if keyword.startswith(name)]
        return self.keywords[max(known, key=len)] if known else self.stage


SettingKinds = Mapping[str, SettingKind]


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """Which stage each setting and each keyword of a probe belongs to."""

    settings: Mapping[str, Stage]
    functions: Mapping[str, FunctionKind]

    def of_keyword(self, function: str, keyword: str) -> Stage | None:
        """The stage of a keyword; None if no provider declares the function."""
        kind = self.functions.get(function)
        return None if kind is None else kind.stage_of(keyword)


LearningRate = float | Callable[[Any], Any]
"""A constant, or a function: number of updates so far (int32 array, or int) → learning rate (float32 array)."""

SHARED_SETTINGS: SettingKinds = {
    "reseed_after_load": SettingKind(type=bool, stage=Stage.ADAPT),
    "numpy_seed": SettingKind(type=int, stage=Stage.BATCH),
}
"""Settings that every arm accepts, whatever its provider; the cell applies them.

`reseed_after_load` (default true): seed `mx.random` again between load and adapt, as mlx-lm's
`lora.py` does. Loading draws from it (`nn.Linear.__init__`), so without this LoRA gets different values.
`numpy_seed` (default: the cell's seed): the seed of `numpy.random`, which decides the order of mlx-lm's batches.
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What an arm is asked to do."""

    workload: Workload
    seed: int
    settings: Mapping[str, Setting]
    rows: tuple[Row, ...]
    scratch: Path
    """A folder for files that a trainer insists on writing."""
    stages: Mapping[Stage, Provider]
    """The provider of each stage, including the stages of the arm's own provider."""
    keywords: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    """By function of the library, keywords that the probe passes to it unchecked."""
    warn: Callable[[Ignored], None] = lambda _: None
    """Called with each setting that the library ignores."""


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
    """What a trainer calls at the end of each step; `parity.lab.tap.Tap` records the step."""

    read_back: Callable[[Mapping[str, Any]], dict[str, Any]]
    """Called once, after step 1, with the plain local variables of the function that calls `optimizer.update`:
    returns the settings that are really in effect, by name."""

    def end_of_step(self, reported: Mapping[str, float | None]) -> None:
        """Called after each evaluated optimizer update, with what the trainer reports about it."""
        ...


class Provider(Protocol):
    """One library's implementation of the stages.

    Register a class under the entry-point group `mlx_parity.providers`; its name there is the name
    that probes use. Import the library inside the methods, and raise
    `parity.errors.UnavailableError` if it, or a part of it, is missing. The method of a stage that is
    not in `lends` is never called for an arm of another provider.
    """

    distributions: ClassVar[tuple[str, ...]]
    """Distributions that it runs; the trace's header records their versions."""
    lends: ClassVar[frozenset[Stage]]
    """Stages that an arm of another provider can take from this one."""
    borrows: ClassVar[frozenset[Stage]]
    """Stages that an arm of this provider can take from another."""
    settings: ClassVar[SettingKinds]
    """The settings that a probe can use, by name."""
    takes_keywords: ClassVar[Mapping[str, FunctionKind]]
    """By name, functions of the library to which a probe can pass keywords unchecked."""
    weighs_tokens: ClassVar[bool]
    """Whether accumulation takes the mean over tokens. If not, it averages the passes, whatever their token counts."""

    def check_installed(self) -> None:
        """Raises `UnavailableError`, with the command that installs the library, if it is missing.

        Must not import it: the reference arm runs in a process that has not imported the candidate's library.
        """
        ...

    def load(self, job: Job) -> Loaded:
        """Loads the base weights and the tokenizer of `job.workload.model`."""
        ...

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Freezes what is not trained and adds LoRA or DoRA layers, in place."""
        ...

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        """The library's own batches, at least `steps` × `accumulation` of them.

        Yields:
            Token ids, int32 [batch, length]; the offset and length of each row, int32 [batch, 2]; and, if
            the library has them, labels, int32 [batch, length] with −100 where nothing is supervised.

        """
        ...

    def forward(self, loaded: Loaded, job: Job) -> AbstractContextManager[None]:
        """Applies the changes that the library makes to a model while it trains."""
        ...

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """The library's own loss.

        Returns:
            (model, token ids, offsets and lengths[, labels]) → token-mean loss in nats, and supervised tokens.

        """
        ...

    def clip(self, job: Job) -> Clip | None:
        """The library's clipping under `job.settings`; None if it does not clip."""
        ...

    def schedule(self, job: Job) -> LearningRate:
        """The learning rate of `job.workload`."""
        ...

    def optimizer(self, loaded: Loaded, job: Job, learning_rate: LearningRate) -> Any:
        """An `mlx.optimizers.Optimizer`; its `update` includes all else that the library does to parameters."""
        ...

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Runs `job.workload.steps` optimizer updates; calls `tap.end_of_step` after each.

        Takes each stage from `job.stages`. May set `tap.read_back`.
        """
        ...
