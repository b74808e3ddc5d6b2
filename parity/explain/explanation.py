"""From a probe that diverges to a cause that was tested by removing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parity.explain.exhibits import Cut, replayed
from parity.explain.factors import Factor, factors
from parity.explain.search import smallest_sets
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from parity.trainers.swap import only, without

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from parity.explain.exhibits import Replay, Replayed
    from parity.explain.search import Factors
    from parity.explain.trials import Trials
    from parity.judge.result import CellResult
    from parity.probe.values import Probe
    from parity.trainers.protocol import Ownership


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One smallest set of stages that restores parity when the candidate does them as the reference does."""

    factors: tuple[Factor, ...]
    """In the order of the flow."""
    restored: CellResult
    """The candidate without them."""
    alone: tuple[CellResult | None, ...]
    """The reference with each of them alone: the other direction; None where it cannot have it."""


@dataclass(frozen=True, kw_only=True)
class RuledOut:
    """One set that was tried and does not restore parity."""

    stages: tuple[Stage, ...]
    result: CellResult


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What an explanation ends with."""

    probe: Probe
    baseline: CellResult
    factors: tuple[Factor, ...]
    """Everything that could be swapped, in the order of the flow."""
    causes: tuple[Cause, ...]
    ruled_out: tuple[RuledOut, ...]
    exhausted: bool
    """Whether the bound on runs ended the search."""
    runs: int
    """Arms that were run."""
    replayed: Replayed | None = None
    """Evidence, and every step from the same state; None where the arms do not part."""

    @property
    def is_identical(self) -> bool:
        """Whether there is nothing to explain."""
        return self.baseline.kind.passes

    @property
    def best(self) -> RuledOut | None:
        """Of the sets that do not restore parity, the one whose divergence starts last: what is left."""
        run = [trial for trial in self.ruled_out if trial.result.first_divergence is not None]
        order = list(Stage)

        def start(trial: RuledOut) -> tuple[int, int]:
            at = trial.result.first_divergence
            assert at is not None
            return at.step, order.index(at.stage) if at.stage else -1

        return max(run, key=start, default=None)


def explain(
    probe: Probe,
    trials: Trials,
    *,
    can_swap: Callable[[str, str, Stage], bool],
    owners: Ownership,
    replay: Replay,
    most: int,
) -> Explanation:
    """Explains one probe at one seed.

    Args:
        probe: the probe, at the one seed of `trials`.
        trials: runs candidates and keeps their traces.
        can_swap: whether an arm of the first provider can take a stage from the second.
        owners: which stage each setting and keyword of the probe belongs to.
        replay: runs arms again, to look closer.
        most: how many candidates the search may run; the check of what it finds comes on top.

    """
    baseline = trials.baseline()
    found = factors(probe, can_swap, owners)
    if baseline.kind is not VerdictKind.DIVERGED:
        return Explanation(
            probe=probe, baseline=baseline, factors=found, causes=(), ruled_out=(), exhausted=False, runs=trials.runs
        )
    results: dict[Factors, CellResult] = {}

    def restores(sets: Sequence[Factors]) -> list[bool | None]:
        variants = {_name("without", each): without(probe, _stages(each), owners) for each in sets}
        answers = trials.candidates(variants)
        results.update({each: answers[_name("without", each)] for each in sets})
        return [None if results[each].verdict is None else results[each].kind.passes for each in sets]

    def suspect(removed: Factors) -> str | None:
        at = (results[removed] if removed else baseline).first_divergence
        return None if at is None or at.stage is None else str(at.stage)

    searched = smallest_sets([str(factor.stage) for factor in found], restores, suspect=suspect, most=most)
    reference = probe.reference.provider
    fits = [factor for factor in found if _fits(factor, reference, can_swap)]
    causes = tuple(_cause(probe, trials, owners, found, fits, each, results[each]) for each in searched.causes)
    failed = [each for each, restored in searched.tried if not restored]
    shown = _replayed(probe, trials, owners, baseline, causes[0].factors if causes else (), replay)
    return Explanation(
        probe=probe,
        baseline=baseline,
        factors=found,
        causes=causes,
        ruled_out=tuple(RuledOut(stages=_stages(each), result=results[each]) for each in failed),
        exhausted=searched.exhausted,
        runs=trials.runs + shown.runs,
        replayed=shown,
    )


def _replayed(
    probe: Probe, trials: Trials, owners: Ownership, baseline: CellResult, cause: Sequence[Factor], replay: Replay
) -> Replayed:
    """Evidence for the divergence; of a cause with several factors for each, without the others."""
    every = tuple(factor.stage for factor in cause)
    whole = Cut(name="as-asked", stages=every, probe=probe, result=baseline, traces=trials.cell())
    if len(cause) < 2:
        return replayed(probe, whole, [whole], trials.folder, replay)
    others = {stage: [other for other in every if other is not stage] for stage in every}
    variants = {_name("without", left_out): without(probe, left_out, owners) for left_out in others.values()}
    results = trials.candidates(variants)
    cuts = [
        Cut(name=name, stages=(stage,), probe=variant, result=results[name], traces=trials.cell(name))
        for stage, (name, variant) in zip(others, variants.items(), strict=True)
        if results[name].first_divergence is not None
    ]
    return replayed(probe, whole, cuts or [whole], trials.folder, replay)


def _cause(
    probe: Probe,
    trials: Trials,
    owners: Ownership,
    found: Sequence[Factor],
    fits: Sequence[Factor],
    stages: Factors,
    restored: CellResult,
) -> Cause:
    """Puts every factor of a cause into the reference alone, where it must make a divergence by itself."""
    ordered = tuple(factor for factor in found if factor.stage in stages)
    names = {factor.stage: _name("only", {factor.stage}) for factor in ordered if factor in fits}
    results = trials.candidates({name: only(probe, [stage], owners) for stage, name in names.items()})
    alone = tuple(results.get(names.get(factor.stage, "")) for factor in ordered)
    return Cause(factors=ordered, restored=restored, alone=alone)


def _fits(factor: Factor, reference: str, can_swap: Callable[[str, str, Stage], bool]) -> bool:
    """Whether the reference can have the candidate's."""
    left, right = factor.lenders
    return right in {left, reference} or can_swap(reference, right, factor.stage)


def _stages(of: Collection[str]) -> tuple[Stage, ...]:
    return tuple(stage for stage in Stage if stage in of)


def _name(how: str, stages: Collection[str]) -> str:
    return "-".join([how, *_stages(stages)])
