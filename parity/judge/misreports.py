"""Compares what a trainer reports of its steps with what the tap recorded of the same steps.

A trainer can take the right steps and report wrong values, which misleads whoever compares its log with a different
trainer's. Reports are never compared between the arms, since their conventions differ: only with the same arm's trace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parity.judge.verdict import FirstDivergence
from parity.metrics import Stage
from parity.probe.values import VerdictKind
from parity.ulp import ulp_distance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.judge.verdict import Verdict
    from parity.trace.values import Step, Trace

_SAID = "recorded → reported"


@dataclass(frozen=True, kw_only=True)
class Report:
    """One value that trainers report of a step."""

    stage: Stage
    allowed: float
    """Largest |reported − tapped| / |tapped| that rounding alone explains."""
    because: str


REPORTS = {
    "loss": Report(
        stage=Stage.LOSS,
        allowed=2**-20,
        because="MLXTrainer multiplies by the tokens and divides by them again, mlx-lm's train() goes through a sum; "
        "of 5,700 correct reports one was off, by 3e-8",
    ),
    "grad_norm": Report(
        stage=Stage.GRADIENT,
        allowed=2**-10,
        because="MLXTrainer rounds every leaf through its token count, in the leaf's dtype, before it takes the norm: "
        "at most 2⁻⁹ an element of bfloat16, and about 1e-5 of the norm",
    ),
    "lr": Report(
        stage=Stage.SCHEDULE,
        allowed=2**-22,
        because="a schedule's double stands for a float32; none of 5,700 correct reports was off",
    ),
}
"""By name, in the order in which they are checked within a step. Reports of other names are kept but not judged."""


@dataclass(frozen=True, kw_only=True)
class Misreport:
    """One value that a trainer reported wrongly."""

    step: int
    name: str
    tapped: float
    reported: float

    def __str__(self) -> str:
        return f"reports a {self.name} of {self.reported:.9g} at step {self.step}, but it was {self.tapped:.9g}"

    def divergence(self) -> FirstDivergence:
        """The misreport as a first divergence, with the tapped value as the reference."""
        return FirstDivergence(
            step=self.step,
            stage=REPORTS[self.name].stage,
            metric=f"reported_{self.name}",
            reference=self.tapped,
            candidate=self.reported,
            delta=self.reported - self.tapped,
            ulp=ulp_distance(self.tapped, self.reported),
            detail=_SAID,
        )


def misreports(trace: Trace) -> tuple[Misreport, ...]:
    """What an arm reported wrongly, step by step.

    With accumulation the loss is not checked: mlx-lm reports the mean over passes, MLXTrainer that over targets, and
    neither says which.
    """
    passes = 1 if trace.start is None else trace.start.effective.get("accumulation", 1)
    names = [name for name in REPORTS if name != "loss" or passes == 1]
    return tuple(found for step in trace.steps for found in _of_step(step, names))


def _of_step(step: Step, names: list[str]) -> Iterator[Misreport]:
    for name in names:
        tapped, reported = getattr(step, name), step.reported.get(name)
        if tapped is not None and reported is not None and _apart(tapped, reported, REPORTS[name].allowed):
            yield Misreport(step=step.step, name=name, tapped=tapped, reported=reported)


def _apart(tapped: float, reported: float, allowed: float) -> bool:
    """A value that is not finite must be reported exactly: rounding does not produce one."""
    if tapped == reported or (math.isnan(tapped) and math.isnan(reported)):
        return False
    finite = math.isfinite(tapped) and math.isfinite(reported)
    return not finite or abs(reported - tapped) > allowed * abs(tapped)


def with_misreports(verdict: Verdict, candidate: Trace) -> Verdict:
    """Adds what the candidate reports of its steps to the verdict.

    Within a step a misreport comes after what was done. It changes nothing if the verdict is invalid, or if the probe
    states a tolerance, which names the metrics that decide.
    """
    found = misreports(candidate)
    if not found or verdict.kind is VerdictKind.INVALID or verdict.thresholds.tolerance:
        return verdict
    first, at = found[0], verdict.first_divergence
    if verdict.kind is VerdictKind.DIVERGED and at is not None and at.step <= first.step:
        return verdict
    return replace(
        verdict,
        kind=VerdictKind.DIVERGED,
        reason=f"the candidate {first}",
        first_divergence=first.divergence(),
    )


def misreported(reference: Trace, candidate: Trace) -> str:
    """The first misreport of each arm, in words; empty if there is none."""
    firsts = {
        arm: found[0] for arm, of in (("reference", reference), ("candidate", candidate)) if (found := misreports(of))
    }
    return "; ".join(f"the {arm} {first}" for arm, first in firsts.items())
