"""What a tap recorded of one arm, as values: a header, a start, one row per step, an end, outcomes, an ending."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from parity.metrics import METRICS, STEP_METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 4


@dataclass(frozen=True, kw_only=True)
class Header:
    """Whose trace this is; written before a trainer is touched."""

    probe: str
    """Empty for a command that was traced as it is."""
    arm: str
    seed: int | None
    """None if nobody knows."""
    steps: int
    """How many steps the workload asks for; 0 if nobody asked."""
    declared: Mapping[str, Any]
    """The arm as the probe declares it: provider, stages, settings."""
    provenance: Mapping[str, Any]
    """Versions, device, platform, environment variables."""
    lent_by: str = ""
    """Of a reference that another cell trained, the probe of that cell; empty: its own did."""
    schema: int = SCHEMA


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One parameter, before step 1 or after the last step."""

    dtype: str
    shape: tuple[int, ...]
    digest: str
    """BLAKE2b-64 of its bytes, hexadecimal."""


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """A setting that an arm asked for, and that the library accepted and did not use."""

    name: str
    """Function or configuration, and keyword: `get_peft_model.finetune_last_n_layer`."""
    asked: Any
    effective: Any
    """What runs instead; None if the library has no such setting."""
    why: str


@dataclass(frozen=True, kw_only=True)
class Executed:
    """One source file of which an arm executed functions, from loading to the end of step 1."""

    distribution: str
    """Name and release; empty for the module of a third-party provider."""
    path: str
    """Inside the folder where packages are installed: `mlx_lm/tuner/trainer.py`."""
    digest: str
    """BLAKE2b-64 of its bytes, hexadecimal; empty if the file is gone."""
    functions: tuple[str, ...]
    """By qualified name, sorted: `train`, `train.<locals>.step`."""
    outside: str = ""
    """Where it really is, if its distribution does not list it: in a checkout, or in what shadows a package."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Read from the live objects: parameters just before step 1, everything else right after it."""

    loaded: Mapping[str, Tensor]
    """All parameters right after loading."""
    base: Mapping[str, Tensor]
    """Frozen parameters by canonical name: a LoRA layer's own weight keeps its name before wiring."""
    trainable: Mapping[str, Tensor]
    effective: Mapping[str, Any]
    """What really runs, by dotted name: optimizer class and arguments, clip, accumulation, batch shapes."""
    ignored: tuple[Ignored, ...]
    executed: tuple[Executed, ...] = ()
    """Files of the trainers' libraries and of MLX, sorted by path."""
    unseen: Mapping[str, str] = field(default_factory=dict)
    """Metrics that the tap could not see from step 1 on, and why not."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One optimizer update of one arm. Scalars are float32 values, fingerprints 64 bits in hexadecimal.

    None is what could not be seen.
    """

    step: int
    """1-based."""
    found: str | None
    """Of the trainable parameters as its first pass began: what the step before, and whatever came after it, left."""
    batch: str | None
    """Of token ids, padding included, and of what is supervised; independent of how rows are split over passes."""
    loss: float | None
    """Token mean over all passes of the update, nats, before the update."""
    tokens: int | None
    """Supervised targets."""
    grad_norm: float | None
    """L2 over all trainable leaves, in float32, before clipping."""
    gradient: str | None
    clipped_norm: float
    """The same norm, of what the optimizer receives."""
    clipped: str
    lr: float | None
    """The rate that this update used."""
    counter: int | None
    """How many updates the optimizer itself has counted."""
    params: str
    """Of the trainable parameters after the update, as the optimizer returned them."""
    random: Mapping[str, str] = field(default_factory=dict)
    """By library, a fingerprint of the state of its random generator after the step: `python`, `numpy`, `mlx`."""
    reported: Mapping[str, float] = field(default_factory=dict)
    """What the trainer itself reported, never mixed with what the tap saw."""


@dataclass(frozen=True, kw_only=True)
class End:
    """Read from the live objects after the last step: what a trainer changes after its last update shows here."""

    base: Mapping[str, Tensor]
    trainable: Mapping[str, Tensor]
    traced: int
    """How often the update was traced: once or a few times if the step is compiled, at every step if not."""
    patched: tuple[str, ...] = ()
    """Functions of MLX and mlx-lm that are different objects after the arm than before it, by dotted name, sorted."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """By dotted path, the plain values that modules hold beside arrays: LoRA's scale, dropout's p, `_training`."""
    saved: Mapping[str, Tensor] | None = None
    """The tensors of the adapter file that the arm wrote; None if it wrote none."""
    saved_settings: Mapping[str, str] | None = None
    """What the configuration beside it says of LoRA: type, rank, scale, dropout; None if there is none."""
    idle: tuple[str, ...] = ()
    """Trainable tensors whose gradient was zero at every step, as the optimizer's state tells; it may keep none."""
    sketch: tuple[float, ...] = ()
    """Of all trainable values, as `parity.lab.sketch` makes it: two sketches tell how far apart two ends are."""
    unseen: Mapping[str, str] = field(default_factory=dict)
    """Metrics that the tap could not see after the last step, and why not."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the trained model does; absent if the probe does not ask for it."""

    metrics: Mapping[str, float | bool | str]
    """By name, as `parity.lab.outcomes` defines them."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the arm ended."""

    complete: bool
    why: str = ""
    """Why it is not complete; empty if it is."""
    unavailable: bool = False
    """Whether a trainer or a release was missing, as opposed to one that failed."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The trace of one arm at one seed, as read back."""

    header: Header
    start: Start | None
    steps: tuple[Step, ...]
    end: End | None
    ending: Ending
    outcome: Outcome | None = None

    @property
    def unseen(self) -> dict[str, str]:
        """What the tap could not see at every step, or not at all, and why; in the order of the metrics."""
        told = dict(self.start.unseen) if self.start is not None else {}
        told |= self.end.unseen if self.end is not None else {}
        partly = {name for step in self.steps for name in STEP_METRICS if getattr(step, name, "") is None}
        named = {name: told.get(name, "not seen at every step") for name in told.keys() | partly}
        return {name: named[name] for name in METRICS if name in named}
