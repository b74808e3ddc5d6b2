"""How far two recordings are apart, as a table: a row per step and metric, in the order of steps and of the flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from parity.metrics import METRICS, in_order
from parity.ulp import ulp_distances

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from parity.judge.columns import Column, Columns, Value

COLUMNS = ("step", "stage", "metric", "detail", "reference", "candidate", "delta", "relative", "ulp", "equal")


class ParameterRow(NamedTuple):
    """One kind of parameters, compared by name."""

    step: int
    metric: str
    detail: str
    reference: Value
    candidate: Value
    equal: bool


class _Part(NamedTuple):
    """Rows of the table, as columns of it."""

    step: NDArray[np.int64]
    metric: NDArray[np.int32]
    detail: NDArray[np.int32]
    reference: NDArray[Any]
    candidate: NDArray[Any]
    delta: NDArray[np.float64]
    relative: NDArray[np.float64]
    ulp: NDArray[np.int64]
    no_ulp: NDArray[np.bool_]
    equal: NDArray[np.bool_]


class _Measured(NamedTuple):
    """One metric at every step."""

    delta: NDArray[np.float64] | float
    relative: NDArray[np.float64] | float
    ulp: NDArray[np.int64] | int
    no_ulp: NDArray[np.bool_] | bool
    equal: NDArray[np.bool_]


def delta_table(
    before: Sequence[ParameterRow], left: Columns, right: Columns, after: Sequence[ParameterRow], *, float32: bool
) -> pd.DataFrame:
    """The table of deltas, with the columns `COLUMNS`.

    Args:
        before: parameters before step 1.
        left: the reference at the common steps, in their order.
        right: the candidate at the same steps.
        after: parameters after the last step.
        float32: whether floats are float32, so that ULPs are meaningful.

    """
    import pandas as pd  # noqa: PLC0415 - it takes half a second to import, and a stored result needs none

    metrics = in_order({row.metric for row in (*before, *after)} | (left.of.keys() & right.of.keys()))
    details = list(dict.fromkeys(["", *(row.detail for row in (*before, *after))]))
    codes = {metric: code for code, metric in enumerate(metrics)}
    parts = [_of_steps(left, right, codes, float32=float32)]
    if before or after:
        parts = [_of_parameters(before, codes, details), *parts, _of_parameters(after, codes, details)]
    whole = _Part(*(columns[0] if len(parts) == 1 else np.concatenate(columns) for columns in zip(*parts, strict=True)))
    stages = [str(METRICS[metric].stage) if metric in METRICS else "" for metric in metrics]
    known = list(dict.fromkeys(stages))
    stage = np.array([known.index(each) for each in stages], dtype=np.int32)[whole.metric]
    return pd.DataFrame(
        {
            "step": whole.step,
            "stage": pd.Categorical.from_codes(stage, categories=pd.Index(known, dtype=object)),
            "metric": pd.Categorical.from_codes(whole.metric, categories=pd.Index(metrics, dtype=object)),
            "detail": pd.Categorical.from_codes(whole.detail, categories=pd.Index(details, dtype=object)),
            "reference": whole.reference,
            "candidate": whole.candidate,
            "delta": whole.delta,
            "relative": whole.relative,
            "ulp": pd.arrays.IntegerArray(whole.ulp, whole.no_ulp),
            "equal": whole.equal,
        },
        copy=False,
    )


def _of_parameters(rows: Sequence[ParameterRow], codes: Mapping[str, int], details: Sequence[str]) -> _Part:
    nothing = np.full(len(rows), np.nan)
    return _Part(
        step=np.array([row.step for row in rows], dtype=np.int64),
        metric=np.array([codes[row.metric] for row in rows], dtype=np.int32),
        detail=np.array([details.index(row.detail) for row in rows], dtype=np.int32),
        reference=np.array([row.reference for row in rows], dtype=object),
        candidate=np.array([row.candidate for row in rows], dtype=object),
        delta=nothing,
        relative=nothing,
        ulp=np.zeros(len(rows), dtype=np.int64),
        no_ulp=np.ones(len(rows), dtype=bool),
        equal=np.array([row.equal for row in rows], dtype=bool),
    )


def _of_steps(left: Columns, right: Columns, codes: Mapping[str, int], *, float32: bool) -> _Part:
    """Fills a matrix of steps × metrics; what one side does not have is left out at the end."""
    metrics = [metric for metric in codes if metric in left.of and metric in right.of]
    shape = (len(left), len(metrics))
    sides = [(left.of[metric], right.of[metric]) for metric in metrics]
    floats = all(column.values.dtype == np.float64 for pair in sides for column in pair)
    reference, candidate = (np.empty(shape, dtype=np.float64 if floats else object) for _ in range(2))
    delta, relative = np.empty(shape), np.empty(shape)
    ulp = np.zeros(shape, dtype=np.int64)
    no_ulp, equal, given = (np.empty(shape, dtype=bool) for _ in range(3))
    for place, (here, there) in enumerate(sides):
        reference[:, place], candidate[:, place] = here.values, there.values
        found = _texts(here, there) if here.is_text or there.is_text else _numbers(here, there, float32=float32)
        delta[:, place], relative[:, place], equal[:, place] = found.delta, found.relative, found.equal
        no_ulp[:, place] = found.no_ulp
        if found.no_ulp is not True:
            ulp[:, place] = found.ulp
        given[:, place] = here.given & there.given
    step = np.repeat(left.steps, len(metrics))
    metric = np.tile(np.array([codes[metric] for metric in metrics], dtype=np.int32), len(left))
    kept = slice(None) if given.all() else given.reshape(-1)
    return _Part(
        step=step[kept],
        metric=metric[kept],
        detail=np.zeros_like(metric[kept]),
        reference=reference.reshape(-1)[kept],
        candidate=candidate.reshape(-1)[kept],
        delta=delta.reshape(-1)[kept],
        relative=relative.reshape(-1)[kept],
        ulp=ulp.reshape(-1)[kept],
        no_ulp=no_ulp.reshape(-1)[kept],
        equal=equal.reshape(-1)[kept],
    )


def _texts(left: Column, right: Column) -> _Measured:
    equal = np.asarray(left.values.astype(object) == right.values.astype(object), dtype=bool)
    return _Measured(delta=np.nan, relative=np.nan, ulp=0, no_ulp=True, equal=equal)


def _numbers(left: Column, right: Column, *, float32: bool) -> _Measured:
    """Candidate − reference; 0.0 and −0.0 are equal, and so are two infinities of one sign."""
    here, there = left.values.astype(np.float64, copy=False), right.values.astype(np.float64, copy=False)
    equal = left.values == right.values
    with np.errstate(all="ignore"):
        delta = np.where(equal, 0.0, there - here)
        sized = (here != 0) & np.isfinite(delta)
        relative = np.where(equal, 0.0, np.where(sized, np.abs(delta) / np.abs(here), np.inf))
        if not float32 or left.values.dtype != np.float64 or right.values.dtype != np.float64:
            return _Measured(delta=delta, relative=relative, ulp=0, no_ulp=True, equal=equal)
        ulp = ulp_distances(here.astype(np.float32), there.astype(np.float32), "float32")
    return _Measured(delta=delta, relative=relative, ulp=ulp, no_ulp=np.isnan(here) | np.isnan(there), equal=equal)
