"""Judges the outcomes of two arms over paired seeds: what these seeds prove, and what they cannot.

Seven yeses against ten look like a gap and need not be one. Every number here comes with its denominator, an exact
p-value, and the smallest gap that this many seeds could have shown. A p-value covers one outcome: of twenty outcomes,
one may diverge by chance.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta, binom, binomtest, fisher_exact, norm, rankdata

from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ALPHA = 0.05
POWER = 0.8
MOST_SEEDS = 100_000


@dataclass(frozen=True, kw_only=True)
class Rates:
    """A yes/no outcome of both arms over seeds."""

    kind: VerdictKind
    reason: str
    reference: int
    """Seeds with a yes, out of `reference_seeds`; likewise for the candidate."""
    reference_seeds: int
    candidate: int
    candidate_seeds: int
    paired: bool = False
    """Whether both arms ran the same seeds."""
    only_reference: tuple[int, ...] = ()
    """The seeds with a yes in this arm and a no in the other; empty if unpaired."""
    only_candidate: tuple[int, ...] = ()
    mcnemar: float | None = None
    """Exact two-sided p: each seed that differs is a toss of a fair coin; None if unpaired."""
    fisher: float | None = None
    """Exact two-sided p that ignores the pairing; None if an arm has no seeds."""
    smallest_gap: float | None = None
    """What `smallest_gap` returns; also None if unpaired."""
    seeds_needed: int | None = None
    """What `seeds_needed` returns for the observed rates; also None if unpaired: pair the seeds first."""
    alpha: float = ALPHA


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A real-valued outcome, in nats, of both arms over the same seeds."""

    kind: VerdictKind
    reason: str
    deltas: Mapping[int, float] = field(default_factory=dict)
    """candidate − reference by seed; empty if the arms have different seeds."""
    mean: float | None = None
    """Of the deltas; this and the next three are None if the verdict is invalid."""
    largest: float | None = None
    """The greatest |delta|."""
    largest_seed: int | None = None
    """The seed with the greatest |delta|, the first if there are several."""
    wilcoxon: float | None = None
    """Exact two-sided p over the seeds that differ; 1 if none does."""
    alpha: float = ALPHA


def judge_rates(reference: Mapping[int, bool], candidate: Mapping[int, bool], *, alpha: float = ALPHA) -> Rates:
    """Judges a yes/no outcome by seed; arms with different seeds are compared unpaired, not over the seeds they share.

    McNemar's exact test decides if paired, Fisher's if not; identical needs the same answer at every seed.
    """
    yes, of = sum(reference.values()), len(reference)
    other, others = sum(candidate.values()), len(candidate)
    found = Rates(
        kind=VerdictKind.INVALID,
        reason=f"nothing to compare: {of} seeds of the reference, {others} of the candidate",
        reference=yes,
        reference_seeds=of,
        candidate=other,
        candidate_seeds=others,
        alpha=alpha,
    )
    if not of or not others:
        return found
    head = f"{yes} of {of} against {other} of {others} seeds"
    fisher = float(fisher_exact(np.array([[yes, of - yes], [other, others - other]])).pvalue)
    if reference.keys() != candidate.keys():
        kind, tail = _decide(fisher, alpha, otherwise="these seeds do not prove a gap")
        reason = f"{head}, unpaired since the seeds are not the same; Fisher p = {fisher:.2g}: {tail}"
        return replace(found, kind=kind, reason=reason, fisher=fisher)
    left = tuple(seed for seed in sorted(reference) if reference[seed] and not candidate[seed])
    right = tuple(seed for seed in sorted(reference) if candidate[seed] and not reference[seed])
    differ = len(left) + len(right)
    mcnemar = float(binomtest(len(left), differ).pvalue) if differ else 1.0
    gap, needed = smallest_gap(of, alpha=alpha), seeds_needed(len(left) / of, len(right) / of, alpha=alpha)
    points = "" if gap is None else f"at best, {of} seeds reliably show a gap of {math.ceil(100 * gap)} points"
    can = points or f"{of} seeds cannot show any gap"
    takes = f"about {needed}" if needed else f"more than {MOST_SEEDS}"
    unequal = f"these seeds do not prove a gap; it would take {takes} seeds ({can})"
    kind, tail = _decide(mcnemar, alpha, otherwise=unequal if yes != other else f"no gap is seen ({can})")
    reason = f"{head}; exact McNemar p = {mcnemar:.2g}, Fisher p = {fisher:.2g}: {tail}"
    return replace(
        found,
        kind=kind if differ else VerdictKind.IDENTICAL,
        reason=reason if differ else f"{head}, the same at every seed",
        paired=True,
        only_reference=left,
        only_candidate=right,
        mcnemar=mcnemar,
        fisher=fisher,
        smallest_gap=gap,
        seeds_needed=needed,
    )


def judge_shift(reference: Mapping[int, float], candidate: Mapping[int, float], *, alpha: float = ALPHA) -> Shift:
    """Judges a real-valued outcome by seed, in nats; 0.0 and −0.0 are equal.

    The signed-rank test leaves out the seeds that do not differ, as Wilcoxon (1945) did, so its p does not tell how
    many seeds differ, nor how far.
    """
    if reference.keys() != candidate.keys() or not reference:
        both = len(reference.keys() & candidate.keys())
        of = f"{len(reference)} seeds of the reference, {len(candidate)} of the candidate, {both} in common"
        return Shift(kind=VerdictKind.INVALID, reason=f"nothing to pair: {of}", alpha=alpha)
    deltas = {seed: candidate[seed] - reference[seed] for seed in sorted(reference)}
    seeds = len(deltas)
    if bad := [seed for seed, delta in deltas.items() if not math.isfinite(delta)]:
        reason = f"NaN or infinite at {len(bad)} of {seeds} seeds, first at seed {bad[0]}"
        return Shift(kind=VerdictKind.INVALID, reason=reason, deltas=deltas, alpha=alpha)
    differ, fewest = sum(delta != 0 for delta in deltas.values()), _fewest(alpha)
    worst = max(deltas, key=lambda seed: abs(deltas[seed]))
    mean, largest, p = fmean(deltas.values()), abs(deltas[worst]), _signed_rank([*deltas.values()])
    never = f"; fewer than {fewest} that differ never do" if differ < fewest else ""
    kind, tail = _decide(p, alpha, otherwise=f"these seeds do not prove a shift{never}")
    reason = (
        f"{differ} of {seeds} seeds differ; the mean difference over all is {mean:+.3g} nats, the largest "
        f"{largest:.3g} (seed {worst}); exact Wilcoxon p = {p:.2g}: {tail}"
    )
    if not differ:
        kind, reason = VerdictKind.IDENTICAL, f"equal bit for bit at {seeds} of {seeds} seeds"
    return Shift(
        kind=kind, reason=reason, deltas=deltas, mean=mean, largest=largest, largest_seed=worst, wilcoxon=p, alpha=alpha
    )


def smallest_gap(seeds: int, *, alpha: float = ALPHA) -> float | None:
    """The smallest difference in rate, 0 to 1, that McNemar's exact test shows with 80 % power on paired seeds.

    This is the best case: all seeds that differ do so in the same direction. None if no difference could be shown.
    Solves P(k or more of n) = 0.8 for the rate: a quantile of beta(k, n − k + 1) (Clopper and Pearson 1934).
    """
    fewest = _fewest(alpha)
    return float(beta.ppf(POWER, fewest, seeds - fewest + 1)) if seeds >= fewest else None


def seeds_needed(only_reference: float, only_candidate: float, *, alpha: float = ALPHA) -> int | None:
    """How many paired seeds show a gap with 80 % power, if seeds keep differing at these rates.

    Takes two rates, 0 to 1: of seeds with a yes in the reference only, and in the candidate only. Returns the smallest
    number from which on McNemar's exact test keeps that power in the gap's own direction, checked up to a fifth beyond
    the normal approximation. The power is exact and unconditional: over every number of seeds that may differ (Duffy
    1984, Biometrics 40:1005). None if there is no gap, or if it takes more than `MOST_SEEDS`.
    """
    gap, differ = abs(only_reference - only_candidate), only_reference + only_candidate
    if not gap:
        return None
    spread = norm.isf(alpha / 2) * math.sqrt(differ) + norm.isf(1 - POWER) * math.sqrt(differ - gap**2)
    about = float(spread / gap) ** 2
    if about > MOST_SEEDS:
        return None
    most = math.ceil(1.2 * about) + 50
    pairs = np.arange(int(binom.isf(1e-12, most, differ)) + 1)  # more than these differ once in 10¹² times
    # How many seeds may contradict the gap with p still below alpha; -1 if it is not below even with none.
    critical = np.asarray(binom.ppf(alpha / 2, pairs, 0.5)) - 1
    shown = np.asarray(binom.cdf(critical, pairs, min(only_reference, only_candidate) / differ))
    at_least = np.minimum.accumulate(shown[::-1])[::-1]  # a sawtooth; its lower envelope rises, so it can be bisected

    def power(seeds: int, by_pairs: NDArray[np.float64]) -> float:
        return float(binom.pmf(pairs[: seeds + 1], seeds, differ) @ by_pairs[: seeds + 1])

    needed = bisect_left(range(most + 1), POWER, key=lambda seeds: power(seeds, at_least))
    while power(needed - 1, shown) >= POWER:
        needed -= 1
    return needed if needed <= MOST_SEEDS else None


def _decide(p: float, alpha: float, *, otherwise: str) -> tuple[VerdictKind, str]:
    if p < alpha:
        return VerdictKind.DIVERGED, f"more than chance at alpha = {alpha:g}"
    return VerdictKind.INCONCLUSIVE, otherwise


def _fewest(alpha: float) -> int:
    """The fewest seeds that, all differing in one direction, bring p below alpha: 2 · 0.5^k < alpha."""
    return math.floor(1 - math.log2(alpha)) + 1


def _signed_rank(deltas: list[float]) -> float:
    """Exact two-sided p of Wilcoxon's signed-rank test, zeros left out.

    Uses the shift algorithm of Streitberg and Röhmel (1986) over doubled mid-ranks, which stays exact if |deltas| tie.
    Deltas of one ULP do tie, and `scipy.stats.wilcoxon(method="exact")` is then too high or too low.
    """
    differ = np.array([delta for delta in deltas if delta])
    ranks = np.rint(2 * rankdata(np.abs(differ))).astype(int)
    chance = np.ones(1)
    for rank in ranks:
        chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2
    up = int(ranks[differ > 0].sum())
    return float(min(1.0, 2 * min(chance[: up + 1].sum(), chance[up:].sum())))
