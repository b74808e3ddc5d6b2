"""JUnit XML for CI: one case per probe and seed, and one for the verdict.

Dashboards accept a skipped case, and a file without cases. So the run as a whole is also a case, which fails whenever
the gate does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from parity.gate.sentence import sentence
from parity.judge.result import wanted
from parity.probe.values import VerdictKind
from parity.report.escape import plain
from parity.report.wording import place, values
from parity.scoreboard.score import CanaryStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.gate.result import RunResult
    from parity.judge.result import CellResult, ProbeResult

_GATE = "gate"


def render_junit(result: RunResult) -> str:
    """One suite per probe, for known faults and for the verdict. A failure is a finding, an error means no verdict."""
    xml = JUnitXml("parity")
    for probe in result.probes:
        xml.add_testsuite(_suite(probe.probe.name, _cases(probe)))
    if result.canaries is not None:
        xml.add_testsuite(_suite("known faults", _canaries(result)))
    xml.add_testsuite(_suite(_GATE, [_verdict(result)]))
    xml.update_statistics()
    text: bytes = xml.tostring()
    return text.decode()


def _suite(name: str, cases: list[TestCase]) -> TestSuite:
    suite = TestSuite(plain(name))
    suite.add_testcases(cases)
    return suite


def _cases(probe: ProbeResult) -> list[TestCase]:
    return [
        *(_case(probe, cell) for cell in probe.cells),
        *(_not_run(probe, seed) for seed in probe.missing),
        *_outcomes(probe),
    ]


def _case(probe: ProbeResult, cell: CellResult) -> TestCase:
    case = _named(probe, f"seed {cell.seed}")
    if not cell.meets(probe.probe.expect):
        kind = Error if cell.kind is VerdictKind.INVALID else Failure
        said = f"{cell.kind}, {cell.reason}; expected {wanted(probe.probe.expect)}"
        case.result = [kind(plain(said), str(cell.kind))]
        at = cell.first_divergence
        case.result[0].text = "" if at is None else plain(f"{place(at)}: {values(at)}")
    return case


def _not_run(probe: ProbeResult, seed: int) -> TestCase:
    case = _named(probe, f"seed {seed}")
    case.result = [Skipped("not run")]
    return case


def _outcomes(probe: ProbeResult) -> Iterator[TestCase]:
    """Outcomes with a declared verdict; they are judged over all seeds."""
    for name in probe.probe.expect.outcomes:
        case = _named(probe, f"outcome {name}")
        if name in probe.unmet_outcomes:
            found = probe.outcomes.get(name)
            said = "not measured" if found is None else f"{found.kind}: {found.reason}"
            case.result = [Failure(plain(said))]
        yield case


def _canaries(result: RunResult) -> list[TestCase]:
    cases = []
    for each in () if result.canaries is None else result.canaries.scores:
        case = TestCase(plain(each.canary.name), classname="known faults", time=0.0)
        if each.status in {CanaryStatus.MISSED, CanaryStatus.FALSE_ALARM}:
            case.result = [Failure(plain(f"{each.status}: {each.canary.fault}; {each.verdict}, {each.reason}"))]
        elif each.status is CanaryStatus.NOT_RUN:
            case.result = [Error(plain(f"not run: {each.reason}"))]
        cases.append(case)
    return cases


def _verdict(result: RunResult) -> TestCase:
    case = TestCase("verdict", classname=_GATE, time=0.0)
    if not result.expected:
        case.result = [Failure(plain(sentence(result)))]
    return case


def _named(probe: ProbeResult, name: str) -> TestCase:
    return TestCase(name, classname=plain(probe.probe.name), time=0.0)
