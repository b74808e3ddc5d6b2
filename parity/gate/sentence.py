"""A whole run in one sentence: what is said of it first, everywhere."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from parity.judge.result import in_short
from parity.probe.values import VerdictKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.gate.result import RunResult
    from parity.judge.result import CellResult, ProbeResult


def sentence(result: RunResult, *, named: int | None = None) -> str:
    """The run in one sentence; a share of a run says so first.

    Args:
        result: of the run.
        named: how many of the probes that are not as expected are named; None: all of them.

    """
    return f"{_share(result)}{_with_canaries(result, named)}"


def _share(result: RunResult) -> str:
    """Which shard this is, or which are missing: a part never reads like the whole."""
    if result.shard is not None:
        return f"Shard {result.shard.number} of {result.shard.of}. "
    missing = result.missing_shards
    if missing is None:
        return ""
    gone = [(missing.missing, "missing"), (missing.incomplete, "incomplete")]
    parts = " and ".join(f"{_shards(numbers, missing.of)} {what}" for numbers, what in gone if numbers)
    cells = sum(len(each.probe.workload.seeds) for each in result.probes)
    left = sum(len(each.missing) for each in result.probes)
    count = f": {left} of {cells} cells {_was(left)} not run" if left else ""
    return f"{parts[0].upper()}{parts[1:]}{count}. "


def _shards(numbers: Sequence[int], of: int) -> str:
    *others, last = map(str, numbers)
    return f"shards {', '.join(others)} and {last} of {of} are" if others else f"shard {last} of {of} is"


def _with_canaries(result: RunResult, named: int | None) -> str:
    canaries, of_probes = result.canaries, _of_probes(result, named)
    if canaries is None or result.interrupted:
        return of_probes
    if canaries.misjudged:
        return f"Do not trust this run: it misjudged {_and(canaries.misjudged)}. {of_probes}"
    if canaries.not_run:
        return f"{of_probes} {_count(canaries.not_run, 'known fault')} could not be run."
    total = len(canaries.faults)
    return f"{of_probes} {canaries.caught} of {_count(total, 'known fault')} {_was(canaries.caught)} caught."


def _of_probes(result: RunResult, named: int | None) -> str:
    met = [probe for probe in result.asked if probe.expected]
    if result.interrupted:
        return f"Interrupted: {len(met)} of {_probes(len(result.asked))} had ended as expected."
    unmet = [probe for probe in result.probes if not probe.expected and not result.is_pending(probe)]
    if result.probes and not unmet and not result.moved:
        if result.pending or result.lacks:
            return _not_decided(result, met)
        return _all_met(met)
    return _not_met(result, unmet, named)


def _all_met(met: Sequence[ProbeResult]) -> str:
    if len(met) == 1:
        return f"1 probe, as expected: {_as_expected(met[0].kind)}."
    return f"All {_probes(len(met))} as expected: {_kinds(met)}."


def _not_met(result: RunResult, unmet: Sequence[ProbeResult], named: int | None) -> str:
    found = []
    if unmet or not result.probes:
        names = [_as_found(each) for each in unmet[:named]]
        names += [f"and {len(unmet) - len(names)} more"] if 0 < len(names) < len(unmet) else []
        found.append(
            f", {len(_files(unmet))} of {_probes(len(result.asked))}{': ' if names else ''}{'; '.join(names)}."
        )
    if result.moved:
        moved = _as_moved(result)
        found.append(f" {moved[0].upper()}{moved[1:]}" if found else f": {moved}")
    if result.missing_pieces:
        found.append(f" {_as_missing(result.missing_pieces)}.")
    if result.pending:
        found.append(f" {_as_pending(result)}.")
    return f"Not as expected{''.join(found)}"


def _not_decided(result: RunResult, met: Sequence[ProbeResult]) -> str:
    if result.missing_pieces:
        return f"Not decided: {_as_missing(result.missing_pieces)}; the rest is as expected: {_kinds(met)}."
    if not result.pending:
        return f"Not decided: what was run is as expected: {_probes(len(met))}, {_kinds(met)}."
    rest = "the other is" if len(met) == 1 else f"the other {len(met)} are"
    said = f"; {rest} as expected: {_kinds(met)}" if met else ""
    return f"Not decided: {_as_pending(result)}{said}."


def _as_missing(pieces: Sequence[str]) -> str:
    """The first piece by name."""
    more = f", and so are {len(pieces) - 1} more pieces" if len(pieces) > 1 else ""
    return f"{pieces[0]} is missing or damaged{more}"


def _as_pending(result: RunResult) -> str:
    """How many probes were not run, by the reason."""
    pending = [each for each in result.pending if not each.probe.rest_of] or result.pending
    total = len(result.asked)
    reasons = Counter(f": {probe.not_run}" if probe.not_run else " at every seed" for probe in pending)
    return "; ".join(f"{count} of {_probes(total)} {_was(count)} not run{why}" for why, count in reasons.items())


def _as_moved(result: RunResult) -> str:
    name, seed = result.moved[0]
    moved, compared = len(result.moved), 0 if result.goldens is None else len(result.goldens.drifts)
    differ = "differs from its golden file" if moved == 1 else "differ from their golden files"
    first = f"{name} (seed {seed})" if moved == 1 else f"first {name} (seed {seed})"
    return f"the environment moved: {moved} of {_count(compared, 'reference')} {differ}, {first}."


def _kinds(met: Sequence[ProbeResult]) -> str:
    """`14 identical, 14 diverged as declared`."""
    counts = Counter(result.kind for result in met)
    return ", ".join(f"{counts[kind]} {_as_expected(kind)}" for kind in VerdictKind if counts[kind])


def _as_expected(kind: VerdictKind) -> str:
    return f"{kind} as declared" if kind is VerdictKind.DIVERGED else str(kind)


def _as_found(result: ProbeResult) -> str:
    """`current/strict diverged, from step 1, stage loss (seed 1), expected identical`."""
    odd: Sequence[CellResult] = [cell for cell in result.cells if not cell.meets(result.probe.expect)]
    kind = odd[0].kind if result.missing and odd else result.kind
    reasons = ["not every seed was run"] if result.missing and not odd else []
    reasons += [f"{cell.reason if cell.verdict else 'an arm did not run'} (seed {cell.seed})" for cell in odd[:1]]
    reasons += [_outcome_found(result, name) for name in result.unmet_outcomes]
    found = "diverged" if kind is VerdictKind.DIVERGED else f"is {kind}"
    return f"{result.probe.name} {found}, {', '.join(reasons)}, expected {in_short(result.probe.expect)}"


def _outcome_found(result: ProbeResult, name: str) -> str:
    if name not in result.outcomes:
        return f"{name} was not measured"
    return f"{name} is {result.outcomes[name].kind}"


def _files(probes: Sequence[ProbeResult]) -> set[str]:
    """The probes, by name; a probe and its rest are one."""
    return {each.probe.rest_of or each.probe.name for each in probes}


def _probes(count: int) -> str:
    return _count(count, "probe")


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _and(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
