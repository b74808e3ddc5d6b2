"""A whole run: what is said of it, and the exit status that follows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from parity.judge.result import CellResult, ProbeResult, wanted
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.gate.result import RunResult
    from parity.golden.drift import Checked


def sentence(result: RunResult, *, named: int | None = None) -> str:
    """The run in one sentence, the verdict first; before it, of what it is said and whether it can be relied on.

    Args:
        result: of the run.
        named: how many of the probes that are not as expected are named; None: all of them.

    """
    return f"{_of_what(result)}{_with_canaries(result, named)}"


def _of_what(result: RunResult) -> str:
    """Which share this is, or which are missing: a part never reads like the whole."""
    if result.shard is not None:
        return f"Shard {result.shard.number} of {result.shard.of}. "
    lacking = result.lacking
    if lacking is None:
        return ""
    gone = [(lacking.missing, "missing"), (lacking.incomplete, "incomplete")]
    said = " and ".join(f"{_shards(numbers, lacking.of)} {what}" for numbers, what in gone if numbers)
    cells = sum(len(each.probe.workload.seeds) for each in result.probes)
    left = sum(len(each.missing) for each in result.probes)
    count = f": {left} of {cells} cells {'was' if left == 1 else 'were'} not run" if left else ""
    return f"{said[0].upper()}{said[1:]}{count}. "


def _shards(numbers: Sequence[int], of: int) -> str:
    *others, last = map(str, numbers)
    return f"shards {', '.join(others)} and {last} of {of} are" if others else f"shard {last} of {of} is"


def _with_canaries(result: RunResult, named: int | None) -> str:
    canaries, of_probes = result.canaries, _of_probes(result, named)
    if canaries is None or result.interrupted:
        return of_probes
    if canaries.misjudged:
        return f"Not to be relied on: the harness misjudged {', '.join(canaries.misjudged)}. {of_probes}"
    if canaries.not_run:
        faults = "known fault" if canaries.not_run == 1 else "known faults"
        return f"{of_probes} {canaries.not_run} {faults} could not be put in."
    were = "was" if canaries.caught == 1 else "were"
    return f"{of_probes} {canaries.caught} of {len(canaries.faults)} known faults {were} caught beside."


def _of_probes(result: RunResult, named: int | None) -> str:
    total = len(result.probes)
    met = [probe for probe in result.probes if probe.expected]
    if result.interrupted:
        return f"Interrupted: {len(met)} of {_probes(total)} finished as expected."
    awaited = result.awaited
    others = [probe for probe in result.probes if not probe.expected and not result.awaits(probe)]
    if total and not others and not result.moved:
        if awaited or result.lacking:
            return _not_decided(result, met)
        return f"As expected: {_probes(total)}, {_kinds(met)}."
    said = [_as_found(each) for each in others[:named]]
    said += [f"{'and ' if said else ''}{len(others) - len(said)} more"] if len(said) < len(others) else []
    found = [f"{len(others)} of {_probes(total)}. {'; '.join(said)}."] if others or not total else []
    found += [_as_moved(result.moved, result.goldens)] if result.moved else []
    found += [f"{_as_awaited(awaited, total)}."] if awaited else []
    return f"Not as expected: {' '.join(found)}"


def _not_decided(result: RunResult, met: Sequence[ProbeResult]) -> str:
    if not result.awaited:
        return f"Not decided: all that is there is as expected, {_probes(len(met))}, {_kinds(met)}."
    rest = "the other is" if len(met) == 1 else f"the other {len(met)} are"
    said = f"; {rest} as expected: {_kinds(met)}" if met else ""
    return f"Not decided: {_as_awaited(result.awaited, len(result.probes))}{said}."


def _as_awaited(awaited: Sequence[ProbeResult], total: int) -> str:
    """How many probes were not run, by what kept them from it."""
    reasons = Counter(f": {probe.not_run}" if probe.not_run else " at every seed" for probe in awaited)
    return "; ".join(
        f"{count} of {_probes(total)} {'was' if count == 1 else 'were'} not run{why}" for why, count in reasons.items()
    )


def _probes(count: int) -> str:
    return f"{count} {'probe' if count == 1 else 'probes'}"


def _kinds(met: Sequence[ProbeResult]) -> str:
    return " and ".join(f"{count} {what}" for what, count in Counter(map(_as_expected, met)).items())


def _as_moved(moved: Sequence[tuple[str, int]], goldens: Checked | None) -> str:
    name, seed = moved[0]
    compared = 0 if goldens is None else len(goldens.drifts)
    first = f"first {name} (seed {seed})"
    return f"the environment moved: {len(moved)} of {compared} references differ from their goldens, {first}."


def _as_expected(result: ProbeResult) -> str:
    return f"{result.kind}, as declared" if result.kind is VerdictKind.DIVERGED else str(result.kind)


def _as_found(result: ProbeResult) -> str:
    odd: Sequence[CellResult] = [cell for cell in result.cells if not cell.meets(result.probe.expect)]
    reasons = ["not every seed was run"] if result.missing and not odd else []
    reasons += [f"{cell.reason if cell.verdict else 'an arm did not run'} (seed {cell.seed})" for cell in odd[:1]]
    reasons += [_outcome_found(result, name) for name in result.unmet_outcomes]
    kind = odd[0].kind if result.missing and odd else result.kind
    found = f"{result.probe.name} is {kind}, {'; '.join(reasons)}"
    return f"{found}, where {wanted(result.probe.expect)} was expected"


def _outcome_found(result: ProbeResult, name: str) -> str:
    if name not in result.outcomes:
        return f"{name} was not measured"
    return f"{name} is {result.outcomes[name].kind}"
