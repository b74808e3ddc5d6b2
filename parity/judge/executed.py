"""Checks that arms of different providers ran different code, by what was executed and not by a provider's name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.probe.values import BOTH_ARMS, ArmName, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parity.judge.verdict import Verdict
    from parity.trace.values import Executed, Trace

_Code = frozenset[tuple[str, str, tuple[str, ...]]]


def same_code(traces: Mapping[ArmName, Trace]) -> str:
    """Why arms of different providers cannot be told apart; empty if they can, or if nobody claims that they do.

    Arms of one provider claim no difference; nor do two traces of processes of their own, which have no repetition.

    The candidate is compared with the reference's *repetition*, since only the first arm of a process executes the code
    that runs on import.
    """
    arms = {name: traces[name] for name in BOTH_ARMS}
    if (
        len({trace.header.declared["provider"] for trace in arms.values()}) == 1
        or ArmName.REFERENCE_AGAIN not in traces
    ):
        return ""
    unseen = [
        f"the {name} executed no code of {', '.join(of)}" for name, trace in arms.items() if (of := _unseen(trace))
    ]
    again, candidate = traces[ArmName.REFERENCE_AGAIN], traces[ArmName.CANDIDATE]
    pretends = _claims(again) != _claims(candidate)
    same = _code(again, adapters=not pretends)
    if same and same == _code(candidate, adapters=not pretends):
        shown = f"both arms executed the same code: {_in_short(_executed(again))}"
        return "; ".join([shown, *unseen])
    return f"{unseen[0]}, which its provider claims; the provider's own module does not count" if unseen else ""


def with_executed(verdict: Verdict, traces: Mapping[ArmName, Trace]) -> Verdict:
    """Makes a verdict invalid if arms of different providers cannot be told apart by the code that they ran."""
    why = alike(verdict, traces)
    return replace(verdict, kind=VerdictKind.INVALID, reason=why) if why else verdict


def alike(verdict: Verdict, traces: Mapping[ArmName, Trace]) -> str:
    """`same_code`, unless the arms diverge after step 1, until which it is watched what they execute."""
    at = verdict.first_divergence
    return "" if verdict.kind is VerdictKind.DIVERGED and at is not None and at.step > 1 else same_code(traces)


def _left(arm: ArmName, trace: Trace) -> str:
    """What an arm leaves behind for whoever uses the libraries next in the same process."""
    if trace.end is None or not trace.end.patched:
        return ""
    first, *others = trace.end.patched
    more = f" and {len(others)} more functions" if others else ""
    return f"the {arm} leaves {first}{more} changed"


def executed(traces: Mapping[ArmName, Trace]) -> dict[ArmName, tuple[Executed, ...]]:
    """The code that the reference and the candidate executed, file by file."""
    return {name: _executed(traces[name]) for name in BOTH_ARMS}


def strays(traces: Mapping[ArmName, Trace]) -> tuple[str, ...]:
    """Code that is not the package's own: executed from elsewhere, or functions of MLX that an arm leaves changed."""
    said = [line for arm, trace in traces.items() if arm in BOTH_ARMS and (line := _left(arm, trace))]
    for arm, files in executed(traces).items():
        outside = [each for each in files if each.outside]
        for name in dict.fromkeys(each.distribution for each in outside):
            first, *others = [each for each in outside if each.distribution == name]
            more = f" and {len(others)} more files" if others else ""
            said.append(f"the {arm} executed {first.path} from {first.outside}{more}, not from the installed {name}")
    return tuple(said)


def _claims(trace: Trace) -> frozenset[str]:
    """The distributions that an arm's own provider says it runs."""
    return frozenset(trace.header.provenance.get("claims", ()))


def _executed(trace: Trace) -> tuple[Executed, ...]:
    return () if trace.start is None else trace.start.executed


def _unseen(trace: Trace) -> list[str]:
    """The claimed distributions of which no function was executed."""
    ran = {each.distribution.partition(" ")[0] for each in _executed(trace)}
    return sorted(_claims(trace) - ran)


def _code(trace: Trace, *, adapters: bool) -> _Code:
    """What ran: paths, digests, functions. Without `adapters`, not the provider's own module: it is no library."""
    kept = (each for each in _executed(trace) if each.distribution or adapters)
    return frozenset((each.path, each.digest, each.functions) for each in kept)


def _in_short(executed: Iterable[Executed]) -> str:
    """`22 functions of mlx-lm 0.32.2, 98 of mlx 0.32.4`."""
    counts: dict[str, int] = {}
    for each in executed:
        if each.distribution:
            counts[each.distribution] = counts.get(each.distribution, 0) + len(each.functions)
    (name, count), *others = sorted(counts.items(), reverse=True) or [("nothing known", 0)]
    return ", ".join([f"{count} functions of {name}", *(f"{number} of {of}" for of, number in others)])
