"""Evidence in words: which tensor, which token of which row, which steps are faulty by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.report.wording import NOTHING, number, ulps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from parity.explain.exhibits import Exhibit
    from parity.explain.lockstep import Lockstep, Span
    from parity.metrics import Stage
    from parity.trace.evidence import Clipping, Evidence, Fraction, Rows, Supervision, TensorDistance, Tensors, Token

_SPANS = 12


def exhibit_lines(exhibit: Exhibit) -> list[str]:
    """What a replay shows, one fact a line; details of a fact are indented below it."""
    evidence = exhibit.evidence
    if evidence is None:
        return [exhibit.note]
    doubt = [exhibit.note] if exhibit.note else []
    return [*doubt, *_findings(evidence, exhibit.at.stage), *_equal(evidence)]


def _findings(evidence: Evidence, stage: Stage | None) -> Iterator[str]:
    if evidence.stage is None:
        yield "the replay compared this step element by element: nothing differs"
        return
    if evidence.stage is not stage:
        yield f"the difference starts earlier: {evidence.stage} differs already"
    if evidence.rows:
        yield from _rows(evidence.rows)
    if evidence.supervision:
        yield from _supervision(evidence.supervision)
    if evidence.clipping:
        yield from _sides(_clipped(side) for side in evidence.clipping)
    if evidence.tensors:
        yield from _tensors(evidence.tensors)
    if evidence.rates:
        yield f"learning rate {number(evidence.rates[0])} → {number(evidence.rates[1])}"


def _equal(evidence: Evidence) -> Iterator[str]:
    if evidence.equal:
        yield f"equal up to there: {', '.join(evidence.equal)}"


def _tensors(of: Tensors) -> Iterator[str]:
    for side, names in (("reference", of.missing), ("candidate", of.extra)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            yield f"{of.what}: {len(names)} in the {side} only: {', '.join(names[:3])}{more}"
    alone = of.dtypes_alone
    how = "" if not alone else ", in dtype only" if alone == of.differing else f", {alone} of them in dtype only"
    if of.differing:
        total = f" of {of.compared}" if of.compared > of.differing else ""
        yield f"{of.what}: {of.differing}{total} {_plural(of.differing, 'tensor')} {_differ(of.differing)}{how}"
        yield from (f"  {_distance(each)}" for each in of.worst)


def _distance(of: TensorDistance) -> str:
    kinds = of.reference if of.reference == of.candidate else f"{of.reference} → {of.candidate}"
    if of.max_abs is None or of.at is None or of.values is None:
        return f"{of.name}: {kinds}" + (", equal values" if not of.unequal else "")
    measured = [f"|Δ| up to {of.max_abs:.4g}"]
    measured += [] if of.max_relative is None else [f"relative {of.max_relative:.3g}"]
    measured += [] if of.max_ulp is None else [f"{ulps(of.max_ulp)} ULPs"]
    there = f"at {list(of.at)} {number(of.values[0])} → {number(of.values[1])}"
    return f"{of.name}, {kinds}: {of.unequal:,} of {of.elements:,} elements; {there}; {', '.join(measured)}"


def _rows(of: Rows) -> Iterator[str]:
    left, right = (list(shape) for shape in of.shapes)
    if left != right:
        yield f"token ids: {left} → {right}"
    if of.order:
        yield f"the same rows in a different order: {', '.join(map(str, of.order))}"
    elif of.differing:
        yield f"token ids: {of.differing} {_plural(of.differing, 'place')} {_differ(of.differing)}"
        yield from (f"  {_place(token, NOTHING)}" for token in of.tokens)
    for row, one, other in of.others:
        yield f"  row {row}, offset and length or labels: {one} → {other}"


def _supervision(of: Supervision) -> Iterator[str]:
    yield from _sides(_fraction(each) for each in of.fractions)
    for count, how in (
        (of.only_reference, "supervised by the reference only"),
        (of.only_candidate, "supervised by the candidate only"),
        (of.other_targets, "supervised by both, with different tokens"),
    ):
        if count:
            yield f"{count} {_plural(count, 'place')} {how}"
    yield from (f"  {_place(token, 'not supervised')}" for token in of.places)


def _fraction(of: Fraction) -> str:
    if of.denominator is None or of.numerator is None:
        return f"loss {number(of.loss)}, its tokens have different weights, {of.supervised} supervised"
    counted = "" if of.tokens == of.supervised else f", {of.supervised} supervised"
    return f"loss {number(of.loss)} = {of.numerator:.6f} / {of.denominator:.6g}, tokens {of.tokens}{counted}"


def _clipped(of: Clipping) -> str:
    before = f"norm {of.norm:.6g}, greatest element {of.greatest:.6g}"
    if not of.changed:
        return f"{before}: unchanged"
    if of.factor is not None:
        return f"{before}: scaled by {of.factor:.6g}, to norm {of.clipped_norm:.6g}"
    cut = f"{of.changed:,} of {of.elements:,} elements changed"
    return f"{before}: {cut}, to greatest {of.clipped_greatest:.6g} and norm {of.clipped_norm:.6g}"


def _sides(said: Iterable[str]) -> Iterator[str]:
    for side, line in zip(("reference", "candidate"), said, strict=True):
        yield f"{side}: {line}"


def _place(token: Token, nothing: str) -> str:
    return f"row {token.row}, position {token.position}: {token.reference or nothing} → {token.candidate or nothing}"


def lockstep_sentence(lockstep: Lockstep) -> str:
    """Which steps are faulty by themselves."""
    if not lockstep.spans:
        return f"Not run state-locked: {lockstep.note}."
    ran = lockstep.spans[-1].last
    all_ran = ran >= lockstep.asked
    bound = "" if all_ran else f" (steps 1 to {ran} of {lockstep.asked}; the states of more exceed the size limit)"
    if not lockstep.faulty:
        return f"State-locked, no step differs{bound}: the difference was there before step 1."
    stages = list(dict.fromkeys(span.locked for span in lockstep.faulty))
    by_stage = [f"{_steps([span for span in lockstep.faulty if span.locked is stage])} at {stage}" for stage in stages]
    follows = any(span.locked is None and span.free is not None for span in lockstep.spans)
    rest = "; differences at other steps follow from these" if follows else ""
    return f"Faulty by themselves: {', '.join(by_stage)}{bound}{rest}."


def lockstep_rows(lockstep: Lockstep) -> list[tuple[str, str, str]]:
    """Steps, the earliest stage that differs free-running, the same state-locked; cut after a dozen rows."""
    shown = lockstep.spans[:_SPANS]
    rows = [(_steps([span]), str(span.free or "equal"), str(span.locked or "equal")) for span in shown]
    left = len(lockstep.spans) - _SPANS
    return [*rows, *([(f"… {left} more", "", "")] if left > 0 else [])]


def _steps(spans: Sequence[Span]) -> str:
    joined: list[list[int]] = []
    for span in spans:
        if joined and joined[-1][1] + 1 == span.first:
            joined[-1][1] = span.last
        else:
            joined.append([span.first, span.last])
    said = [str(first) if first == last else f"{first}–{last}" for first, last in joined[:_SPANS]]
    more = [f"… ({len(joined) - _SPANS} more)"] if len(joined) > _SPANS else []
    one = len(joined) == 1 and joined[0][0] == joined[0][1]
    return f"step{'' if one else 's'} {', '.join([*said, *more])}"


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def _differ(count: int) -> str:
    return "differs" if count == 1 else "differ"
