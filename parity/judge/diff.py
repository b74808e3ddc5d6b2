"""Aligns two recordings by step and metric, exactly, and measures how far apart they are.

This module only measures; thresholds are applied in `parity.judge.verdict`. What cannot be compared is listed as a
`Problem` in addition to the table: no row is left out silently, and everything else is still compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from parity.judge.columns import Columns, column, columns
from parity.judge.measure import ParameterRow, delta_table
from parity.judge.problems import Problem, ProblemKind, metric_problems, step_problems
from parity.metrics import METRICS, STEP_METRICS, in_order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import pandas as pd

    from parity.judge.columns import Row
    from parity.trace.values import Step, Tensor, Trace


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Metrics by step, from a trace or from a log."""

    rows: Sequence[Row]
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
        return {name for name, column in columns(self.rows).of.items() if column.given.any()}


@dataclass(frozen=True, kw_only=True)
class Delta:
    """What was measured, one row per step and metric, and what could not be compared.

    `table` has the columns `COLUMNS`: `delta` is candidate − reference, `relative` is |delta| / |reference|,
    `ulp` counts float32 numbers; all three are missing for fingerprints. `detail` names the first different parameter.
    `stage`, `metric` and `detail` are categories, the metrics in the order of the flow.
    """

    table: pd.DataFrame
    problems: tuple[Problem, ...]
    unseen: Mapping[str, str] = field(default_factory=dict)
    """By metric, why one of the two or both could not see it: a blind spot, and no problem."""

    @cached_property
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


def _saving(reference: Recording) -> Recording:
    """A reference that saved nothing is compared as if it had saved what it trained."""
    parameters = reference.parameters
    if "saved" in parameters or "trainable_at_end" not in parameters:
        return reference
    return replace(reference, parameters={**parameters, "saved": parameters["trainable_at_end"]})


def step_rows(steps: Sequence[Step]) -> Columns:
    """The metrics of each step, as far as they were seen; what the next step found is what this one kept."""
    found = {step.step: step.found for step in steps}
    kept = {"params_kept": column(found.get(step.step + 1) for step in steps)}
    seen = {name: column(getattr(step, name, None) for step in steps) for name in STEP_METRICS if name not in kept}
    return Columns(steps=np.array([step.step for step in steps], dtype=np.int64), of=seen | kept)


def only(of: Recording, metrics: Collection[str]) -> Recording:
    """A recording of these metrics alone, without parameters; the whole recording if none is named."""
    if not metrics:
        return of
    rows = columns(of.rows)
    kept = Columns(steps=rows.steps, of={name: rows.of[name] for name in metrics if name in rows.of})
    if of.sparse:
        kept = kept.at(np.flatnonzero(np.any([each.given for each in kept.of.values()], axis=0)))
    return replace(of, rows=kept, parameters={})


def diff(reference: Recording, candidate: Recording) -> Delta:
    """Compares two recordings step by step and metric by metric; 0.0 and −0.0 are equal."""
    reference = _saving(reference)
    left, right = _common(columns(reference.rows), columns(candidate.rows))
    table = delta_table(
        [*_parameters(reference, candidate, at_end=False)],
        left,
        right,
        [*_parameters(reference, candidate, at_end=True)],
        float32=reference.float32 and candidate.float32,
    )
    problems = [
        *_of_recordings(reference, candidate),
        *step_problems(columns(reference.rows), columns(candidate.rows)),
        *metric_problems(
            left,
            right,
            blind=reference.unseen.keys() | candidate.unseen.keys(),
            sparse=reference.sparse and candidate.sparse,
        ),
        *_of_parameters(reference, candidate),
    ]
    return Delta(table=table, problems=tuple(problems), unseen=not_compared(reference.unseen, candidate.unseen))


def not_compared(reference: Mapping[str, str], candidate: Mapping[str, str]) -> dict[str, str]:
    """By metric, why one of two recordings, or both, could not see it; from why each could not."""
    whys = {}
    for metric in in_order(reference.keys() | candidate.keys()):
        left, right = reference.get(metric), candidate.get(metric)
        sides = [("reference", left), ("candidate", right)]
        alone = "; ".join(f"in the {side}, {why}" for side, why in sides if why is not None)
        whys[metric] = left if left is not None and left == right else alone
    return whys


def _common(left: Columns, right: Columns) -> tuple[Columns, Columns]:
    """Both at the steps that both have, in their order; of a repeated step the last row."""
    left, right = left.latest(), right.latest()
    if np.array_equal(left.steps, right.steps):
        return left, right
    _, at_left, at_right = np.intersect1d(left.steps, right.steps, assume_unique=True, return_indices=True)
    return left.at(at_left), right.at(at_right)


def _of_recordings(reference: Recording, candidate: Recording) -> Iterator[Problem]:
    if reference.seed is not None and candidate.seed is not None and reference.seed != candidate.seed:
        yield Problem(kind=ProblemKind.OTHER_SEED, detail=f"reference {reference.seed}, candidate {candidate.seed}")
    for side, of in (("reference", reference), ("candidate", candidate)):
        if of.incomplete:
            yield Problem(kind=ProblemKind.INCOMPLETE, detail=f"{side}: {of.incomplete}")


def _of_parameters(reference: Recording, candidate: Recording) -> Iterator[Problem]:
    for metric in in_order(reference.parameters.keys() ^ candidate.parameters.keys()):
        if METRICS[metric].optional or metric in reference.unseen or metric in candidate.unseen:
            continue
        kind = ProblemKind.MISSING_METRIC if metric in reference.parameters else ProblemKind.EXTRA_METRIC
        yield Problem(kind=kind, detail=f"{metric} (parameters by name)")


def _texts(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    return {name: f"{t.dtype}{list(t.shape)} {t.digest}" for name, t in tensors.items()}


def _parameters(reference: Recording, candidate: Recording, *, at_end: bool) -> Iterator[ParameterRow]:
    """One row per kind of parameter; it shows the first tensor that differs."""
    step = int(columns(reference.rows).steps.max(initial=0)) if at_end else 0
    for metric in in_order(reference.parameters.keys() & candidate.parameters.keys()):
        if METRICS[metric].at_end is not at_end:
            continue
        left, right = reference.parameters[metric], candidate.parameters[metric]
        both = left.keys() & right.keys() if METRICS[metric].shared else left.keys() | right.keys()
        names = sorted(both, key=_natural)
        unequal = [name for name in names if left.get(name) != right.get(name)]
        shown = unequal[0] if unequal else None
        whole = f"{len(names)} {METRICS[metric].what}"
        count = f"{len(unequal)} of {whole}, first {shown}" if shown else whole
        said = [whole if shown is None else side.get(shown, "absent") for side in (left, right)]
        yield ParameterRow(
            step=step, metric=metric, detail=count, reference=said[0], candidate=said[1], equal=not unequal
        )


def _natural(name: str) -> list[tuple[int, str]]:
    """`layers.9` before `layers.10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]
