"""What GitHub shows with a job: workflow commands, one error per probe that is not as expected.

A step has room for ten errors and ten warnings; what is more is dropped silently, so the last of ours says how many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.gate.sentence import sentence
from parity.judge.result import wanted
from parity.judge.tolerance import doubts
from parity.report.escape import in_command, in_property

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.gate.result import RunResult
    from parity.judge.result import ProbeResult

MOST = 10
"""Most of each kind per step."""
_LONGEST = 1000
"""Characters of one message."""
_NAMED = 3


def render_annotations(result: RunResult) -> str:
    """One command a line. The verdict comes first: a notice if the run is as expected, otherwise an error."""
    others = [each for each in result.probes if not each.expected]
    verdict = ("parity", sentence(result, named=_NAMED))
    errors = [*([] if result.expected else [verdict]), *((each.probe.name, _found(each)) for each in others)]
    lines = [
        *(_commands("notice", [verdict]) if result.expected else _commands("error", errors)),
        *_commands("warning", list(_warnings(result))),
    ]
    return "".join(f"{line}\n" for line in lines)


def _found(probe: ProbeResult) -> str:
    odd = [cell for cell in probe.cells if not cell.meets(probe.probe.expect)]
    said = [f"seed {cell.seed}: {cell.kind}, {cell.reason}" for cell in odd[:_NAMED]]
    said += [f"{len(odd) - _NAMED} more seeds"] if len(odd) > _NAMED else []
    said += [f"seed {seed}: not run" for seed in probe.missing[:_NAMED]]
    said += [f"outcome {name} is not as declared" for name in probe.unmet_outcomes]
    return f"{'; '.join(said)}. Expected {wanted(probe.probe.expect)}"


def _warnings(result: RunResult) -> Iterator[tuple[str, str]]:
    yield from (("mlx-lm has changed", line) for line in result.upstream)
    for probe in result.probes:
        yield from ((probe.probe.name, str(line)) for line in (*doubts(probe), *probe.warnings, *probe.strays))


def _commands(kind: str, said: Sequence[tuple[str, str]]) -> Iterator[str]:
    shown = said if len(said) <= MOST else said[: MOST - 1]
    for title, message in shown:
        cut = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
        yield f"::{kind} title={in_property(title[:_LONGEST])}::{in_command(cut)}"
    if len(said) > len(shown):
        yield f"::{kind} title=parity::and {len(said) - len(shown)} more; the report has all of them"
