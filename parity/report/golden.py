"""What golden files say, in words: whether the environment or the trainer moved."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from parity.golden.drift import Moved, compared, drift, which_moved
from parity.golden.recorded import Recorded
from parity.golden.workload import what_differs
from parity.judge.verdict import first_divergence
from parity.probe.values import VerdictKind
from parity.report.wording import place, seeds, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.golden.drift import Changed, Checked, Drift
    from parity.golden.recorded import RecordedGolden
    from parity.golden.values import Golden
    from parity.judge.result import CellResult, ProbeResult

_SHOWN = 12


def golden_lines(probe: ProbeResult, checked: Checked | None) -> list[tuple[str, bool]]:
    """What moved, one line for all seeds with the same text; and whether it is the environment."""
    by_line: dict[tuple[str, bool], list[int]] = {}
    for cell in probe.cells:
        if checked is not None and (found := checked.drifts.get((probe.probe.name, cell.seed))) is not None:
            said = _said(found, cell, declared=cell.meets(probe.probe.expect))
            by_line.setdefault((said, found.moved), []).append(cell.seed)
    return [(f"{seeds(numbers)}: {line}", moved) for (line, moved), numbers in by_line.items()]


def passed_over_lines(checked: Checked | None) -> list[str]:
    """Golden files that could not be used, where they do not decide."""
    return [] if checked is None else [f"golden file not used: {said}" for said in checked.passed_over]


def absent_line(checked: Checked | None) -> str:
    """That golden files are missing, once for all cells; empty where nobody asked for them."""
    if checked is None or not checked.decides or not checked.absent:
        return ""
    (name, seed), *others = checked.absent
    more = f" and {len(others)} more" if others else ""
    where = checked.platform or "this platform"
    return f"no golden file on {where} for {name}, seed {seed}{more}: not checked; `parity record` writes them"


def goldens_tree(checked: Checked | None) -> dict[str, Any] | None:
    """What holds for all golden files of a run, as JSON."""
    if checked is None:
        return None
    return {
        "decide": checked.decides,
        "platform": checked.platform,
        "compared": len(checked.drifts),
        "moved": len(checked.moved),
        "absent": [{"probe": name, "seed": seed} for name, seed in checked.absent],
        "passed_over": list(checked.passed_over),
    }


def golden_tree(cell: CellResult, found: Drift | None) -> dict[str, Any] | None:
    """One golden file as JSON: what moved, where the reference differs from it, what changed since."""
    if found is None:
        return None
    return {
        "moved": which_moved(found, cell.kind),
        "first_difference": None if found.at is None else asdict(found.at),
        "unequal": found.unequal,
        "compared": found.compared,
        "problems": list(found.problems),
        "changed": [asdict(each) for each in found.changed],
    }


def difference_lines(then: Golden, now: Golden) -> Iterator[str]:
    """What recording again changes: the workload, the first values, releases."""
    unequal = compared(then, now).unequal
    yield from (f"workload: {line}" for line in what_differs(then.asked, now.asked))
    for row in range(min(len(unequal), _SHOWN)):
        at = first_divergence(unequal.iloc[row : row + 1])
        assert at is not None
        yield f"{place(at)}: {values(replace(at, detail=''))}"
    found = drift(then, now)
    if found.unequal > _SHOWN:
        yield f"and {found.unequal - _SHOWN} more of {found.compared} compared values"
    yield from found.problems
    yield from (f"environment: {each}" for each in found.changed)


def _said(found: Drift, cell: CellResult, *, declared: bool) -> str:
    as_declared = " as declared" if declared else ""
    match which_moved(found, cell.kind):
        case Moved.BOTH:
            return f"the reference {_differs(found)}; the candidate differs from the reference{as_declared}"
        case Moved.ENVIRONMENT:
            return f"the reference {_differs(found)}; {_trainer(cell, 'the candidate matches the reference')}"
        case Moved.TRAINER:
            return f"the reference {_as_golden(found)}; the candidate differs{as_declared}"
        case Moved.NEITHER:
            return f"the reference {_as_golden(found)}; {_trainer(cell, 'the candidate matches it')}"


def _trainer(cell: CellResult, otherwise: str) -> str:
    return "the candidate could not be judged" if cell.kind is VerdictKind.INVALID else otherwise


def _differs(found: Drift) -> str:
    where = f"from {place(found.at)}, {values(found.at)}" if found.at is not None else "; ".join(found.problems)
    return f"differs from its golden file {where}{_since(found.changed)}"


def _as_golden(found: Drift) -> str:
    return f"matches its golden file bit for bit{_since(found.changed)}"


def _since(changed: Iterable[Changed]) -> str:
    said = ", ".join(map(str, changed))
    return f" ({said})" if said else ""


def record_lines(found: RecordedGolden) -> Iterator[str]:
    """What was done with one golden file, and how it differs."""
    cell = f"{found.probe}, seed {found.seed}"
    match found.what:
        case Recorded.FIRST:
            yield f"{cell}: recorded for the first time: look at {found.path} and commit it"
        case Recorded.SAME:
            yield f"{cell}: equal to {found.path}"
        case Recorded.DIFFERS:
            yield f"{cell}: differs from {found.path}; nothing is written, --force replaces it"
        case Recorded.REPLACED:
            unread = "" if found.then else ", which could not be read"
            yield f"{cell}: replaced {found.path}{unread}"
        case Recorded.FAILED:
            yield f"{cell}: not recorded: {found.failure}"
    if found.what in {Recorded.DIFFERS, Recorded.REPLACED} and found.then and found.now:
        yield from (f"  {line}" for line in difference_lines(found.then, found.now))
