"""Two recordings that somebody names → what a cell would say of them.

Traces are judged as those of a cell. Logs say less: what they cannot show is said, and if one side is rounded, the
other is rounded alike. Two files of one form must have the same metrics; of two forms, what both have is compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from parity.errors import BadTraceError
from parity.judge.cell import is_deterministic, judge_traces
from parity.judge.columns import Columns, columns
from parity.judge.curves import curves
from parity.judge.diff import Delta, Recording, diff, only
from parity.judge.result import CellResult
from parity.judge.verdict import Thresholds, judge
from parity.metrics import METRICS, Stage
from parity.probe.values import ArmName, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parity.judge.recorded import Recorded
    from parity.judge.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One recording against another."""

    name: str
    """`rank 1`; empty if there is only one process."""
    cell: CellResult
    delta: Delta
    blind: tuple[str, ...]
    """What the two files cannot show, in clauses."""
    left_out: tuple[str, ...]
    """What is in the files and was not compared, by name."""

    @property
    def verdict(self) -> Verdict:
        """The verdict; a comparison always has one."""
        assert self.cell.verdict is not None
        return self.cell.verdict


def compare(
    reference: Mapping[int | None, Recorded],
    candidate: Mapping[int | None, Recorded],
    *,
    tolerance: Mapping[str, float],
    metrics: Sequence[str] = (),
    drawn: bool = False,
) -> list[Comparison]:
    """Compares two sides, rank by rank.

    Args:
        reference: by rank, as `parity.judge.recorded.read_recorded` gives it.
        candidate: the same.
        tolerance: by metric, the largest accepted |delta|; other metrics then do not count.
        metrics: those that alone are compared; empty: all.
        drawn: whether a page will draw the curves of logs, which can be long.

    Raises:
        BadTraceError: the sides do not have the same ranks.

    """
    if reference.keys() != candidate.keys():
        held = (f"{next(iter(side.values())).path.parent} holds {_ranks(side)}" for side in (reference, candidate))
        raise BadTraceError(f"{', '.join(held)}; compare the same rank of both: name the two files")
    return [
        _compared("" if rank is None else f"rank {rank}", left, candidate[rank], tolerance, metrics, drawn=drawn)
        for rank, left in reference.items()
    ]


def _ranks(side: Mapping[int | None, Recorded]) -> str:
    return "one process" if None in side else f"ranks {', '.join(map(str, side))}"


def _compared(
    name: str, left: Recorded, right: Recorded, tolerance: Mapping[str, float], metrics: Sequence[str], *, drawn: bool
) -> Comparison:
    if left.trace is None or right.trace is None:
        return _of_logs(name, left, right, tolerance, drawn=drawn)
    traces = {ArmName.REFERENCE: left.trace, ArmName.CANDIDATE: right.trace}
    thresholds = Thresholds(tolerance=tolerance, deterministic=all(map(is_deterministic, traces.values())))
    cell = judge_traces(traces, thresholds=thresholds, metrics=metrics)
    return Comparison(
        name=name,
        cell=_of_one_model(cell, left.recording, right.recording),
        delta=diff(left.recording, right.recording),
        blind=tuple(map(str, cell.blind)),
        left_out=(),
    )


def _of_one_model(cell: CellResult, reference: Recording, candidate: Recording) -> CellResult:
    """Tensors of other names or shapes at loading are another model, which is no divergence of its trainer."""
    left, right = (_shapes(side) for side in (reference, candidate))
    unlike = [name for name in left if right.get(name) != left[name]] + [name for name in right if name not in left]
    if cell.verdict is None or not unlike or not left or not right:
        return cell
    first = unlike[0]
    why = f"different models: {len(unlike)} of {len(left | right)} parameters do not correspond, first {first}"
    sides = f"{left.get(first, 'absent')} in the reference, {right.get(first, 'absent')} in the candidate"
    return replace(cell, verdict=replace(cell.verdict, kind=VerdictKind.INVALID, reason=f"{why}: {sides}"))


def _shapes(of: Recording) -> dict[str, str]:
    """By name of a parameter as it was loaded, its shape."""
    return {
        name: f"[{said.partition('[')[2].partition(']')[0]}]" for name, said in of.parameters.get("base", {}).items()
    }


def _of_logs(name: str, left: Recorded, right: Recorded, tolerance: Mapping[str, float], *, drawn: bool) -> Comparison:
    dropped = left.recording.metrics ^ right.recording.metrics if left.form is not right.form else set()
    reference, candidate = _rounded_alike(*(_without(side.recording, dropped) for side in (left, right)))
    delta = diff(reference, candidate)
    verdict = judge(delta, again=(), thresholds=Thresholds(tolerance=tolerance))
    if verdict.kind is VerdictKind.IDENTICAL and reference.written:
        verdict = replace(verdict, reason="to the digits that are written")
    return Comparison(
        name=name,
        cell=CellResult(
            seed=0, steps=len(reference.rows), verdict=verdict, curves=curves(reference, candidate) if drawn else {}
        ),
        delta=delta,
        blind=tuple(dict.fromkeys([*_digits(reference), *reference.blind, *candidate.blind, *_unseen(verdict)])),
        left_out=tuple(dict.fromkeys([*reference.left_out, *candidate.left_out, *sorted(dropped)])),
    )


def _without(of: Recording, dropped: set[str]) -> Recording:
    """A log beside one of another form: parameters, and metrics that the other lacks, are not compared."""
    return only(of, sorted(of.metrics - dropped)) if dropped or of.parameters else of


def _rounded_alike(*sides: Recording) -> list[Recording]:
    """Both sides rounded as either of them is."""
    written: dict[str, str] = {}
    for side in sides:
        for metric, form in side.written.items():
            written[metric] = min(form, written.get(metric, form), key=_decimals)
    return [replace(side, rows=_rounded(columns(side.rows), written), written=written) for side in sides]


def _rounded(rows: Columns, written: Mapping[str, str]) -> Columns:
    rounded = {
        metric: replace(of, values=np.array([float(format(value, written[metric])) for value in of.values.tolist()]))
        for metric, of in rows.of.items()
        if metric in written and not of.is_text
    }
    return replace(rows, of={**rows.of, **rounded})


def _decimals(form: str) -> int:
    return int(form[1:-1])


def _digits(of: Recording) -> Iterator[str]:
    for metric, form in of.written.items():
        if form.endswith("f"):
            yield f"a difference of {metric} under {0.5 * 10 ** -_decimals(form):g}: it has {_decimals(form)} decimals"
        else:
            yield f"a difference of {metric} under 1 in {10 ** _decimals(form):,}: it has {_decimals(form) + 1} digits"


def _unseen(verdict: Verdict) -> Iterator[str]:
    """The stages of which nothing was compared."""
    seen = {METRICS[metric].stage for metric in verdict.metrics if metric in METRICS}
    unseen = [stage for stage in Stage if stage not in seen]
    if unseen:
        yield f"{', '.join(unseen)}: not in {'both files' if seen else 'either file'}"
