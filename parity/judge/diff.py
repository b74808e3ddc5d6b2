"""Aligns two recordings by step and metric, exactly, and measures how far apart they are.

This module only measures; thresholds are applied in `parity.judge.verdict`. What cannot be compared is listed as a
`Problem` in addition to the table: no row is left out silently, and everything else is still compared.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pandas as pd

from parity.metrics import METRICS, STEP_METRICS
from parity.ulp import ulp_distance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from parity.trace.values import Step, Tensor, Trace

Value = int | float | str


COLUMNS = ("step", "stage", "metric", "detail", "reference", "candidate", "delta", "relative", "ulp", "equal")


class ProblemKind(StrEnum):
    """Why part of two recordings cannot be compared."""

    NO_COMMON_STEP = "no common step"
    MISSING_STEP = "missing step"
    EXTRA_STEP = "extra step"
    REPEATED_STEP = "repeated step"
    MISSING_METRIC = "missing metric"
    EXTRA_METRIC = "extra metric"
    NAN_REFERENCE = "NaN in the reference"
    NAN_CANDIDATE = "NaN in the candidate"
    NAN_BOTH = "NaN in both"
    OTHER_SEED = "different seeds"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that keeps two recordings from being compared."""

    kind: ProblemKind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Metrics by step, from a trace or from a log."""

    rows: tuple[tuple[int, Mapping[str, Value]], ...]
    """In file order; repeated steps are kept, not merged."""
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By metric, such as `base_at_start` or `trainable`, and tensor name: dtype, shape and digest as one text."""
    seed: int | None = None
    unseen: Mapping[str, str] = field(default_factory=dict)
    """Metrics that could not be seen, at some step at least, and why not: they cannot be compared."""
    incomplete: str = ""
    """Why the recording stops early, if it does."""
    float32: bool = True
    """Whether its floats are float32, so that ULPs are meaningful; the decimals of a log are not."""
    written: Mapping[str, str] = field(default_factory=dict)
    """By metric that is rounded when it is written, the format that rounds so, such as `.3f`."""
    sparse: bool = False
    """Whether its lines say different things at different steps, so that what neither side has is no gap."""
    blind: tuple[str, ...] = ()
    """What it cannot show, in clauses."""
    left_out: tuple[str, ...] = ()
    """What its file also says, by name, and nobody compares, such as timings."""

    @property
    def metrics(self) -> set[str]:
        """The metrics that have a value at any step."""
        return {name for _, row in self.rows for name in row}


@dataclass(frozen=True, kw_only=True)
class Delta:
    """What was measured, one row per step and metric, and what could not be compared.

    `table` has the columns `COLUMNS`: `delta` is candidate − reference, `relative` is |delta| / |reference|,
    `ulp` counts float32 numbers; all three are missing for fingerprints. `detail` names the first different parameter.
    """

    table: pd.DataFrame
    problems: tuple[Problem, ...]
    unseen: Mapping[str, str] = field(default_factory=dict)
    """By metric, why one of the two or both could not see it: a blind spot, and no problem."""

    @property
    def unequal(self) -> pd.DataFrame:
        """The rows that differ, in the order of the table."""
        return self.table[~self.table["equal"]]


def recording(trace: Trace) -> Recording:
    """A trace as rows of metrics."""
    parameters: dict[str, Mapping[str, Tensor]] = {}
    blind = trace.unseen
    if trace.start is not None:
        parameters |= {
            "base": trace.start.loaded,
            "trainable": trace.start.trainable,
            "base_at_start": trace.start.base,
        }
    if trace.end is not None:
        parameters |= {"trainable_at_end": trace.end.trainable, "base_at_end": trace.end.base}
        if trace.end.saved is not None:
            parameters["saved"] = trace.end.saved
    return Recording(
        rows=step_rows(trace.steps),
        parameters={metric: _texts(tensors) for metric, tensors in parameters.items() if metric not in blind}
        | _plain_at_end(trace),
        seed=trace.header.seed,
        unseen=blind,
        incomplete="" if trace.ending.complete else trace.ending.why,
    )


def _plain_at_end(trace: Trace) -> dict[str, Mapping[str, str]]:
    end = trace.end
    if end is None:
        return {}
    saved = {} if end.saved_settings is None else {"saved_settings": end.saved_settings}
    return {"modules_at_end": end.modules, **saved}


def saving(reference: Recording) -> Recording:
    """A reference that saved nothing is compared as if it had saved what it trained."""
    parameters = reference.parameters
    if "saved" in parameters or "trainable_at_end" not in parameters:
        return reference
    return replace(reference, parameters={**parameters, "saved": parameters["trainable_at_end"]})


def step_rows(steps: Sequence[Step]) -> tuple[tuple[int, dict[str, Value]], ...]:
    """The metrics of each step, as far as they were seen; what the next step found is what this one kept."""
    found = {step.step: step.found for step in steps}
    rows = []
    for step in steps:
        values = {name: getattr(step, name, None) for name in STEP_METRICS} | {"params_kept": found.get(step.step + 1)}
        rows.append((step.step, {name: value for name, value in values.items() if value is not None}))
    return tuple(rows)


def only(of: Recording, metrics: Collection[str]) -> Recording:
    """A recording of these metrics alone, without parameters; the whole recording if none is named."""
    if not metrics:
        return of
    rows = ((step, {name: row[name] for name in metrics if name in row}) for step, row in of.rows)
    return replace(of, rows=tuple((step, row) for step, row in rows if row or not of.sparse), parameters={})


def diff(reference: Recording, candidate: Recording) -> Delta:
    """Compares two recordings step by step and metric by metric; 0.0 and −0.0 are equal."""
    rows = [
        *_parameters(reference, candidate, at_end=False),
        *_steps(reference, candidate),
        *_parameters(reference, candidate, at_end=True),
    ]
    table = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    types: dict[str, Any] = {"step": int, "equal": bool, "ulp": "Int64", "reference": object, "candidate": object}
    problems = (*_problems(reference, candidate), *_parameter_problems(reference, candidate))
    return Delta(table=table.astype(types), problems=problems, unseen=not_compared(reference, candidate))


def not_compared(reference: Recording, candidate: Recording) -> dict[str, str]:
    """By metric, why one of two recordings, or both, could not see it."""
    whys = {}
    for metric in _in_order(reference.unseen.keys() | candidate.unseen.keys()):
        left, right = reference.unseen.get(metric), candidate.unseen.get(metric)
        sides = [("reference", left), ("candidate", right)]
        alone = "; ".join(f"in the {side}, {why}" for side, why in sides if why is not None)
        whys[metric] = left if left is not None and left == right else alone
    return whys


def _texts(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {name: f"{t.dtype}{list(t.shape)} {t.digest}" for name, t in tensors.items()}


def _parameters(reference: Recording, candidate: Recording, *, at_end: bool) -> Iterator[tuple[object, ...]]:
    """One row per kind of parameter; it shows the first tensor that differs."""
    step = max((step for step, _ in reference.rows), default=0) if at_end else 0
    for metric in _in_order(reference.parameters.keys() & candidate.parameters.keys()):
        if METRICS[metric].at_end is not at_end:
            continue
        left, right = reference.parameters[metric], candidate.parameters[metric]
        both = left.keys() & right.keys() if METRICS[metric].shared else left.keys() | right.keys()
        names = sorted(both, key=_natural)
        unequal = [name for name in names if left.get(name) != right.get(name)]
        shown = unequal[0] if unequal else None
        whole = f"{len(names)} {METRICS[metric].what}"
        count = f"{len(unequal)} of {whole}, first {shown}" if shown else whole
        values = [whole if shown is None else side.get(shown, "absent") for side in (left, right)]
        yield step, METRICS[metric].stage, metric, count, *values, math.nan, math.nan, None, not unequal


def _natural(name: str) -> list[tuple[int, str]]:
    """`layers.9` before `layers.10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def _steps(reference: Recording, candidate: Recording) -> Iterator[tuple[object, ...]]:
    right = dict(candidate.rows)
    float32 = reference.float32 and candidate.float32
    for step, left in dict(reference.rows).items():
        for metric in _in_order(left.keys() & right.get(step, {}).keys()):
            yield (
                step,
                METRICS[metric].stage if metric in METRICS else "",
                metric,
                "",
                *_measure(left[metric], right[step][metric], float32=float32),
            )


def _measure(left: Value, right: Value, *, float32: bool) -> tuple[object, ...]:
    if isinstance(left, str) or isinstance(right, str):
        return left, right, math.nan, math.nan, None, left == right
    equal = left == right
    delta = 0.0 if equal else float(right - left)
    relative = 0.0 if equal else abs(delta) / abs(left) if left and math.isfinite(delta) else math.inf
    counted = float32 and isinstance(left, float) and isinstance(right, float)
    return left, right, delta, relative, ulp_distance(left, right) if counted else None, equal


def _in_order(metrics: Iterable[str]) -> list[str]:
    known = list(METRICS)
    return sorted(metrics, key=lambda name: (known.index(name) if name in known else len(known), name))


def _problems(reference: Recording, candidate: Recording) -> Iterator[Problem]:
    if reference.seed is not None and candidate.seed is not None and reference.seed != candidate.seed:
        yield Problem(kind=ProblemKind.OTHER_SEED, detail=f"reference {reference.seed}, candidate {candidate.seed}")
    for side, of in (("reference", reference), ("candidate", candidate)):
        if of.incomplete:
            yield Problem(kind=ProblemKind.INCOMPLETE, detail=f"{side}: {of.incomplete}")
        if repeated := [step for step, times in Counter(step for step, _ in of.rows).items() if times > 1]:
            yield Problem(kind=ProblemKind.REPEATED_STEP, detail=f"{_ranges(repeated)} of the {side}")
    left, right = dict(reference.rows), dict(candidate.rows)
    common = left.keys() & right.keys()
    if not common:
        yield Problem(
            kind=ProblemKind.NO_COMMON_STEP,
            detail=f"reference has {_ranges(left) or 'none'}, candidate has {_ranges(right) or 'none'}",
        )
        return
    if missing := left.keys() - right.keys():
        yield Problem(kind=ProblemKind.MISSING_STEP, detail=f"only the reference has {_ranges(missing)}")
    if extra := right.keys() - left.keys():
        yield Problem(kind=ProblemKind.EXTRA_STEP, detail=f"only the candidate has {_ranges(extra)}")
    blind = reference.unseen.keys() | candidate.unseen.keys()
    sparse = reference.sparse and candidate.sparse
    yield from _metric_problems(left, right, sorted(common), blind, sparse=sparse)


def _parameter_problems(reference: Recording, candidate: Recording) -> Iterator[Problem]:
    for metric in _in_order(reference.parameters.keys() ^ candidate.parameters.keys()):
        if METRICS[metric].optional or metric in reference.unseen or metric in candidate.unseen:
            continue
        kind = ProblemKind.MISSING_METRIC if metric in reference.parameters else ProblemKind.EXTRA_METRIC
        yield Problem(kind=kind, detail=f"{metric} (parameters by name)")


def _metric_problems(
    left: Mapping[int, Mapping[str, Value]],
    right: Mapping[int, Mapping[str, Value]],
    steps: list[int],
    blind: Collection[str],
    *,
    sparse: bool,
) -> Iterator[Problem]:
    known = _in_order({metric for step in steps for metric in (*left[step], *right[step])})
    found: dict[tuple[ProblemKind, str], list[int]] = {}
    for step in steps:
        for metric in known:
            one, other = left[step].get(metric), right[step].get(metric)
            may_lack = metric in blind or (metric in METRICS and METRICS[metric].of_next)
            if (one is None or other is None) and may_lack:
                continue
            if sparse and one is None and other is None:
                continue
            if (kind := _kind(one, other)) is not None:
                found.setdefault((kind, metric), []).append(step)
    for (kind, metric), where in found.items():
        yield Problem(kind=kind, detail=f"{metric} at {_ranges(where)}")


def _kind(left: Value | None, right: Value | None) -> ProblemKind | None:
    if right is None:
        return ProblemKind.MISSING_METRIC
    if left is None:
        return ProblemKind.EXTRA_METRIC
    match _is_nan(left), _is_nan(right):
        case True, True:
            return ProblemKind.NAN_BOTH
        case True, False:
            return ProblemKind.NAN_REFERENCE
        case False, True:
            return ProblemKind.NAN_CANDIDATE
    return None


def _is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _ranges(steps: Iterable[int]) -> str:
    """`step 3`, `steps 3 to 5, 9`."""
    ordered = sorted(steps)
    parts: list[list[int]] = []
    for step in ordered:
        if parts and step == parts[-1][-1] + 1:
            parts[-1].append(step)
        else:
            parts.append([step])
    text = ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)
    return f"step{'s' if len(ordered) > 1 else ''} {text}" if ordered else ""
