"""Two snapshots of one step → evidence: which tensor, how many elements, how far; which token of which row.

Numpy only. Measures in the order of the flow and stops at the first stage with a finding, since later differences
may be mere consequences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parity.lab.replay.supervised import rows_of, supervision_of
from parity.metrics import Stage
from parity.trace.evidence import SHOWN, Clipping, Evidence, TensorDistance, Tensors
from parity.ulp import ulp_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from parity.lab.replay.supervised import Supervised


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One tensor of an arm."""

    values: NDArray[np.float32]
    """Exact for floats of up to 32 bits."""
    dtype: str

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.values.shape)}"


Named = Mapping[str, Kept]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One step of one arm, with whole tensors."""

    groups: Sequence[tuple[Stage, str, Named]]
    """Stage, description and tensors, in the order of the flow; of step 0, or of this step."""
    batch: Sequence[NDArray[np.int64]] = ()
    """Token ids [rows, length], then the other arrays that the trainer passes to its loss."""
    supervised: Supervised | None = None
    """What the loss supervises; None if there are no logits, or before step 1."""
    rate: float = 0.0


def contrast(reference: Snapshot, candidate: Snapshot, *, step: int, text: Callable[[int], str]) -> Evidence:
    """Compares two snapshots.

    Args:
        reference: the reference's snapshot of the step.
        candidate: the candidate's snapshot of the same step, with the same groups.
        step: 0 before training.
        text: token id → text.

    """
    equal: list[str] = []
    for stage in Stage:
        if found := _at(stage, reference, candidate, equal, step, text):
            return found
    return Evidence(step=step, stage=None, equal=tuple(equal))


def _at(
    stage: Stage,
    reference: Snapshot,
    candidate: Snapshot,
    equal: list[str],
    step: int,
    text: Callable[[int], str],
) -> Evidence | None:
    """The evidence of one stage, if there is any; adds what is equal to `equal`."""
    if stage is Stage.BATCH and reference.batch:
        if rows := rows_of(reference.batch, candidate.batch, text):
            return Evidence(step=step, stage=stage, equal=tuple(equal), rows=rows)
        equal.append("batch")
    if stage is Stage.LOSS and reference.supervised and candidate.supervised:
        supervision = supervision_of(reference.supervised, candidate.supervised, text)
        if supervision is not None:
            return Evidence(step=step, stage=stage, equal=tuple(equal), supervision=supervision)
        equal.append("loss and its targets")
    if stage is Stage.SCHEDULE and reference.batch:
        if reference.rate != candidate.rate:
            return Evidence(step=step, stage=stage, equal=tuple(equal), rates=(reference.rate, candidate.rate))
        equal.append("learning rate")
    for (of, what, left), (_, _, right) in zip(reference.groups, candidate.groups, strict=True):
        if of is not stage:
            continue
        tensors = tensors_of(what, left, right)
        if tensors.differing or tensors.missing or tensors.extra:
            clipping = (_clipping(reference), _clipping(candidate)) if stage is Stage.CLIP else None
            return Evidence(step=step, stage=stage, equal=tuple(equal), tensors=tensors, clipping=clipping)
        equal.append(what)
    return None


def tensors_of(what: str, reference: Named, candidate: Named) -> Tensors:
    """Compares the tensors of a group by name; one that is missing does not hide the others."""
    common = [name for name in reference if name in candidate]
    distances = [each for name in common if (each := _distance(name, reference[name], candidate[name])) is not None]
    distances.sort(key=lambda each: (each.unequal == 0, -(each.max_relative or 0.0), -(each.max_abs or 0.0)))
    return Tensors(
        what=what,
        compared=len(common),
        differing=len(distances),
        missing=tuple(name for name in reference if name not in candidate),
        extra=tuple(name for name in candidate if name not in reference),
        dtypes_alone=sum(each.unequal == 0 for each in distances),
        worst=tuple(distances[:SHOWN]),
    )


def _distance(name: str, reference: Kept, candidate: Kept) -> TensorDistance | None:
    left, right = reference.values, candidate.values
    if left.shape != right.shape:
        return TensorDistance(
            name=name, reference=str(reference), candidate=str(candidate), elements=left.size, unequal=left.size,
            max_abs=None, max_relative=None, max_ulp=None, at=None, values=None,
        )  # fmt: skip
    unequal = ~(left == right)
    count = int(unequal.sum())
    if not count and reference.dtype == candidate.dtype:
        return None
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        gap = np.abs(right.astype(np.float64) - left.astype(np.float64))
        relative = gap / np.abs(left.astype(np.float64))
    known = unequal & ~np.isnan(gap)
    measured = known & (left != 0)
    at = np.unravel_index(int(np.where(known, gap, -1).argmax()), left.shape) if known.any() else None
    alike = reference.dtype == candidate.dtype
    ulps = ulp_distances(left[known], right[known], reference.dtype) if alike and known.any() else None
    return TensorDistance(
        name=name,
        reference=str(reference),
        candidate=str(candidate),
        elements=left.size,
        unequal=count,
        max_abs=float(gap[known].max()) if known.any() else None,
        max_relative=float(relative[measured].max()) if measured.any() else None,
        max_ulp=None if ulps is None else int(ulps.max()),
        at=None if at is None else tuple(int(index) for index in at),
        values=None if at is None else (float(left[at]), float(right[at])),
    )


def _clipping(of: Snapshot) -> Clipping:
    """What an arm did to its gradient, derived from the gradient and from what the optimizer received."""
    before, after = (
        np.concatenate([kept.values.reshape(-1) for kept in named.values()])
        for stage, _, named in of.groups
        if stage in {Stage.GRADIENT, Stage.CLIP}
    )
    moved = before != 0
    factors = after[moved].astype(np.float64) / before[moved]
    alike = factors.size > 0 and float(np.ptp(factors)) <= 1e-2 * float(np.abs(factors).max())
    return Clipping(
        norm=float(np.linalg.norm(before)),
        clipped_norm=float(np.linalg.norm(after)),
        greatest=float(np.abs(before).max()),
        clipped_greatest=float(np.abs(after).max()),
        changed=int((before != after).sum()),
        elements=before.size,
        factor=float(np.median(factors)) if alike else None,
    )
