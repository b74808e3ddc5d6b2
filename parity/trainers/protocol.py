"""What a provider is. Light on purpose: naming a provider must not import a trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from parity.probe.inputs import Row
    from parity.probe.values import Setting, Stage, Workload
    from parity.tap import Tap

SettingTypes = Mapping[str, type[bool] | type[int] | type[float] | type[str]]

SHARED_SETTINGS: SettingTypes = {"reseed_after_load": bool}
"""Settings of every arm, whichever provider it has; the cell itself obeys them.

`reseed_after_load` (default true): seed `mx.random` again between load and adapt, as mlx-lm's
`lora.py` does. Loading draws from it (`nn.Linear.__init__`), so without it LoRA starts elsewhere.
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
    borrowed: Mapping[Stage, Provider]
    """Stages that this arm takes from another provider; `load` and `adapt` are called by the cell."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model and its tokenizer: `mlx.nn.Module` and `mlx_lm.tokenizer_utils.TokenizerWrapper`."""

    model: Any
    tokenizer: Any


class Provider(Protocol):
    """One library's implementation of the stages.

    Register a class under the entry-point group `mlx_parity.providers`; its name there is the name
    that probes use. Import the library inside the methods, and raise
    `parity.errors.UnavailableError` where it, or a part of it, is missing.
    """

    distributions: ClassVar[tuple[str, ...]]
    """Distributions that it runs; their versions go into the trace's header."""
    lends: ClassVar[frozenset[Stage]]
    """Stages that an arm of another provider can take from this one."""
    borrows: ClassVar[frozenset[Stage]]
    """Stages that an arm of this provider can take from another."""
    settings: ClassVar[SettingTypes]

    def check_installed(self) -> None:
        """Raises `UnavailableError`, with the command that installs it, where the library is missing.

        Must not import it: the reference arm runs in a process that has never seen the candidate.
        """
        ...

    def load(self, job: Job) -> Loaded:
        """Loads base weights and tokenizer of `job.workload.model`."""
        ...

    def adapt(self, loaded: Loaded, job: Job) -> None:
        """Freezes the base and wires LoRA in, in place."""
        ...

    def batches(self, loaded: Loaded, job: Job) -> Iterable[tuple[Any, ...]]:
        """The library's own batches, `job.workload.steps` of them or more; called only if it lends `batch`.

        Yields:
            Token ids, int32 [batch, length], and the offset and length of each row, int32 [batch, 2].

        """
        ...

    def loss(self, loaded: Loaded, job: Job) -> Callable[..., tuple[Any, Any]]:
        """The library's own loss; called only if it lends `loss`.

        Returns:
            (model, token ids, offsets and lengths) → token-mean loss in nats, and supervised tokens.

        """
        ...

    def train(self, loaded: Loaded, job: Job, tap: Tap) -> None:
        """Runs `job.workload.steps` optimizer updates; calls `tap.end_of_step` after each.

        Takes what is in `job.borrowed` from there instead of its own.
        """
        ...
