"""Whether two arms that should run different code did: the name of a provider is a claim, what was executed is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parity.probe.values import ArmName, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from parity.judge.verdict import Verdict
    from parity.trace.values import Executed, Trace

_Code = frozenset[tuple[str, str, tuple[str, ...]]]


def same_code(traces: Mapping[ArmName, Trace]) -> str:
    """Why the arms of two providers cannot be told apart; empty where they can, or have one provider.

    The candidate is held against the reference's *repetition*: only the first arm of a process executes what
    importing runs.
    """
    arms = {name: traces[name] for name in (ArmName.REFERENCE, ArmName.CANDIDATE)}
    if len({trace.header.declared["provider"] for trace in arms.values()}) == 1:
        return ""
    unseen = [
        f"the {name} executed nothing of {', '.join(of)}" for name, trace in arms.items() if (of := _unseen(trace))
    ]
    again, candidate = traces[ArmName.REFERENCE_AGAIN], traces[ArmName.CANDIDATE]
    pretends = _claims(again) != _claims(candidate)
    same = _code(again, adapters=not pretends)
    if same and same == _code(candidate, adapters=not pretends):
        shown = f"both arms executed the same code: {_in_short(_executed(again))}"
        return "; ".join([shown, *unseen])
    return f"{unseen[0]}, which its provider names; the provider's own module does not count" if unseen else ""


def with_executed(verdict: Verdict, traces: Mapping[ArmName, Trace]) -> Verdict:
    """A verdict, which is invalid where both arms ran the same code under two names."""
    why = same_code(traces)
    return replace(verdict, kind=VerdictKind.INVALID, reason=why) if why else verdict


def executed(traces: Mapping[ArmName, Trace]) -> dict[ArmName, tuple[Executed, ...]]:
    """What the reference and the candidate ran, file by file."""
    return {name: _executed(traces[name]) for name in (ArmName.REFERENCE, ArmName.CANDIDATE)}


def strays(traces: Mapping[ArmName, Trace]) -> tuple[str, ...]:
    """Code that is not where its distribution says: a checkout, or a folder that shadows a package."""
    said = []
    for arm, files in executed(traces).items():
        outside = [each for each in files if each.outside]
        for name in dict.fromkeys(each.distribution for each in outside):
            first, *others = [each for each in outside if each.distribution == name]
            more = f" and {len(others)} more files" if others else ""
            said.append(f"the {arm} executed {first.path} from {first.outside}{more}, not as {name} installed it")
    return tuple(said)


def _claims(trace: Trace) -> frozenset[str]:
    """The distributions that an arm's own provider says it runs."""
    return frozenset(trace.header.provenance.get("claims", ()))


def _executed(trace: Trace) -> tuple[Executed, ...]:
    return () if trace.start is None else trace.start.executed


def _unseen(trace: Trace) -> list[str]:
    """Claimed distributions of which no function was entered."""
    ran = {each.distribution.partition(" ")[0] for each in _executed(trace)}
    return sorted(_claims(trace) - ran)


def _code(trace: Trace, *, adapters: bool) -> _Code:
    """What ran, to the bit. A provider's own module is left out where it claims another library: it is not that."""
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
