"""What a fork may upload as its results, and what is posted of it. Everything goes through the whole command."""

from __future__ import annotations

import io
import json
import re
import stat
import struct
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from parity.comment.guard import violation
from parity.errors import ExitStatus
from parity.judge.effective import Difference, Warned
from parity.metrics import Stage
from parity.probe.values import Arm, ArmName, Expectation, VerdictKind
from parity.report.escape import escaped
from parity.report.json import render_json
from parity.trace.values import Ignored
from tests.integration.comment.fake_github import Failure
from tests.unit.comment.made import (
    ASKED,
    AT,
    ENDING,
    archive,
    cell,
    document,
    probe_result,
    refusal,
    result,
    unexpected,
)
from tests.unit.made import divergence

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.gate.result import RunResult
    from tests.integration.comment.conftest import Job

REFUSED = "the run's results were refused: "
UNREADABLE = "the artifact is not a readable archive"


def text(tree: Any) -> bytes:
    return archive(json.dumps(tree))


def changed(**values: Any) -> bytes:
    return text(document() | values)


def with_probe(made: RunResult | None = None, **values: Any) -> bytes:
    tree = document(made)
    tree["probes"][0] |= values
    return text(tree)


def with_cell(made: RunResult | None = None, **values: Any) -> bytes:
    tree = document(made)
    tree["probes"][0]["cells"][0] |= values
    return text(tree)


def with_metric(**values: Any) -> bytes:
    tree = document()
    tree["probes"][0]["cells"][0]["metrics"]["loss"] |= values
    return text(tree)


def with_canary(**values: Any) -> bytes:
    tree = document()
    tree["canaries"]["canaries"][0] |= values
    return text(tree)


def lying_seed() -> bytes:
    """A cell of a seed that nobody planned, in the place of one that was."""
    return with_cell(seed=7)


def without_seed() -> bytes:
    tree = document()
    del tree["probes"][0]["cells"][1]
    return text(tree)


def without_probes() -> bytes:
    """The summary speaks of two."""
    tree = document()
    del tree["probes"][1]
    return text(tree)


def within_beyond() -> bytes:
    """Judged by a tolerance that its own differences exceed; everything else follows."""
    at = replace(AT, delta=-0.25)
    made = cell(1, at)
    assert made.verdict is not None
    thresholds = replace(made.verdict.thresholds, tolerance={"loss": 0.125})
    verdict = replace(made.verdict, kind=VerdictKind.WITHIN, thresholds=thresholds)
    expect = Expectation(verdict=VerdictKind.WITHIN)
    cells = [replace(made, seed=seed, verdict=verdict) for seed in (1, 42)]
    return archive(render_json(result(probe_result(*cells, expect=expect, tolerance={"loss": 0.125}))))


def entries(*named: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in named:
            made.writestr(name, data)
    return held.getvalue()


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return entries(("results.json", b"{}"), ("results.json", b"{}"))


def symlink() -> bytes:
    entry = zipfile.ZipInfo("results.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entries((entry, b"/etc/passwd"))


def encrypted() -> bytes:
    """The flag in both headers is what a reader goes by."""
    data = bytearray(archive())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


def bzipped() -> bytes:
    return archive(method=zipfile.ZIP_BZIP2)


def declared(size: int) -> bytes:
    """The central directory says another size than what comes."""
    data = bytearray(archive())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, size)
    return bytes(data)


def other_name_inside() -> bytes:
    """The two headers of the entry disagree on its name."""
    return archive().replace(b"results.json", b"../../../../", 1)


def many_entries() -> bytes:
    return entries(*((f"{number}.json", b"") for number in range(5000)))


def nested(depth: int) -> bytes:
    return archive(b'{"schema": 3, "probes": ' + b"[" * depth + b"]" * depth + b"}", method=zipfile.ZIP_STORED)


def nested_setting(depth: int) -> bytes:
    """Where anything may stand, so that the parser alone does not refuse it."""
    deep = json.dumps(document()).replace('"reference": 0.0, "candidate": 1.0', '"reference": DEEP, "candidate": 1.0')
    assert "DEEP" in deep
    return archive(deep.replace("DEEP", "[" * depth + "]" * depth))


def many_probes() -> bytes:
    """10,000 of them, whole: more text than is read."""
    tree = document(result(probe_result(cell(1), cell(42))))
    one = json.dumps(tree["probes"][0])
    tree["probes"] = []
    every = ",".join(one.replace("current/self", f"current/{number}") for number in range(10_000))
    return archive(json.dumps(tree).replace('"probes": []', f'"probes": [{every}]'))


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "not a zip": (lambda: b"<html>", UNREADABLE),
    "nothing at all": (lambda: b"", UNREADABLE),
    "an empty zip": (entries, "the artifact holds no files; results.json must be the only one"),
    "cut short": (lambda: archive()[:-30], UNREADABLE),
    "a damaged stream": (lambda: archive().replace(archive()[60:90], bytes(30)), UNREADABLE),
    "a bomb": (
        lambda: archive(b" " * 30_000_000),
        "results.json has 30,000,000 bytes; at most 40,000,000, and 200 times the SIZE of its archive, are allowed",
    ),
    "a larger bomb": (
        lambda: archive(b" " * 45_000_000),
        "results.json has 45,000,000 bytes; at most 40,000,000, and 200 times the SIZE of its archive, are allowed",
    ),
    "a size that is declared too large": (
        lambda: declared(4_000_000_000),
        "results.json has 4,000,000,000 bytes; at most 40,000,000, and 200 times the SIZE of its archive, are allowed",
    ),
    "a size that is declared too small": (lambda: declared(100), UNREADABLE),
    "a path that leaves the folder": (
        lambda: archive(name="../results.json"),
        "the artifact's only file is not called results.json",
    ),
    "an absolute path": (
        lambda: archive(name="/results.json"),
        "the artifact's only file is not called results.json",
    ),
    "a name that ends in a zero": (
        lambda: archive(name="results.json@").replace(b"results.json@", b"results.json\0"),
        "the artifact's only file is not called results.json",
    ),
    "a folder": (lambda: entries(("results.json/", b"")), "the artifact's only file is not called results.json"),
    "two names in one entry": (other_name_inside, UNREADABLE),
    "results.json twice": (twice, "the artifact holds more than one file; results.json must be the only one"),
    "a huge file beside": (
        lambda: entries(("results.json", b"{}"), ("huge.bin", bytes(50_000_000))),
        "the artifact holds more than one file; results.json must be the only one",
    ),
    "5000 files": (many_entries, "the artifact holds more than one file; results.json must be the only one"),
    "a symbolic link": (symlink, "results.json is not a plain file in the artifact"),
    "encrypted": (encrypted, "results.json is encrypted"),
    "another compression": (bzipped, "results.json is compressed with a method that artifacts do not use"),
    "not UTF-8": (lambda: archive(b'{"schema": "\xff"}'), "results.json is not UTF-8, at byte 12"),
    "UTF-16": (lambda: archive(json.dumps(document()).encode("utf-16")), "results.json is not UTF-8, at byte 0"),
}
DOCUMENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a NaN": (
        lambda: archive(json.dumps(document()).replace('"seconds": 1.5', '"seconds": NaN')),
        "not JSON (NaN is not JSON)",
    ),
    "an infinity": (
        lambda: archive(json.dumps(document()).replace('"seconds": 1.5', '"seconds": 1e999')),
        "not JSON (a number that is too large)",
    ),
    "a key twice": (lambda: archive('{"schema": 3, "schema": 3}'), "not JSON (a key appears twice)"),
    "a list": (lambda: archive(b"[]"), "not the results of a run: list, not an object"),
    "no schema": (lambda: archive(b"{}"), "results of schema None, this parity reads 3"),
    "a schema of before": (lambda: changed(schema=2), "results of schema 2, this parity reads 3"),
    "a schema to come": (lambda: changed(schema=4), "results of schema 4, this parity reads 3"),
    "a schema that is true": (lambda: changed(schema=True), "results of schema True, this parity reads 3"),
    "a key too many": (
        lambda: changed(pull_request=8),
        "results that do not follow from their cells: pull_request is unknown",
    ),
    "no probes": (
        lambda: changed(probes=[]),
        "results that do not follow from their cells: expected is True, but its cells say False",
    ),
    "10,000 empty probes": (lambda: changed(probes=[{}] * 10_000), "not the results of a run: KeyError: 'strays'"),
    "probes that the summary does not speak of": (
        without_probes,
        "results that do not follow from their cells: summary is All 2 probes as expected: 1 identical, 1 "
        "diverged as declared. 1 of 1 known fault was caught., but its cells say 1 probe, as expected: "
        "identical. 1 of 1 known fault was caught.",
    ),
    "a summary that lies": (
        lambda: changed(summary="All 9 probes as expected: 9 identical."),
        "results that do not follow from their cells: summary is All 9 probes as expected: 9 identical., but "
        "its cells say All 2 probes as expected: 1 identical, 1 diverged as declared. 1 of 1 known fault "
        "was caught.",
    ),
    "a status that lies": (
        lambda: text(document(unexpected()) | {"status": 0}),
        "results that do not follow from their cells: status is 0, but its cells say 1",
    ),
    "expected that lies": (
        lambda: text(document(unexpected()) | {"expected": True}),
        "results that do not follow from their cells: expected is True, but its cells say False",
    ),
    "status, expected and summary lie": (
        lambda: text(
            document(unexpected()) | {"status": 0, "expected": True, "summary": "1 probe, as expected: identical."}
        ),
        "results that do not follow from their cells: expected is True, but its cells say False",
    ),
    "an expected probe with a diverged cell": (
        lambda: with_probe(unexpected(), expected=True),
        "results that do not follow from their cells: probes[0].expected is True, but its cells say False",
    ),
    "a verdict other than its cells'": (
        lambda: with_probe(verdict="within"),
        "results that do not follow from their cells: probes[0].verdict is within, but its cells say identical",
    ),
    "identical with an unequal metric": (
        lambda: with_metric(unequal=2, first_step=2),
        "results that contradict themselves: 'current/self': seed 1: identical, but loss differs",
    ),
    "identical with a metric that differs at a step": (
        lambda: with_metric(first_step=2),
        "results that contradict themselves: 'current/self': seed 1: identical, but loss differs",
    ),
    "identical with nothing compared": (
        lambda: with_metric(compared=0),
        "results that contradict themselves: 'current/self': seed 1: identical, but loss was not compared",
    ),
    "identical with metrics left out": (
        lambda: with_cell(metrics={}),
        "results that contradict themselves: 'current/self': seed 1: identical, but base was not compared",
    ),
    "identical with other curves": (
        lambda: with_cell(curves={"loss": {"steps": [1, 2], "reference": [1.0, 2.0], "candidate": [1.0, 3.0]}}),
        "results that contradict themselves: 'current/self': seed 1: identical, but the curve of loss is not",
    ),
    "identical in spite of a problem": (
        lambda: with_cell(problems=[{"kind": "missing step", "detail": "3"}]),
        "results that contradict themselves: 'current/self': seed 1: identical in spite of a problem: missing step: 3",
    ),
    "identical and without thresholds": (
        lambda: with_cell(thresholds=None),
        "results that contradict themselves: 'current/self': seed 1: neither a verdict nor a failure",
    ),
    "identical of fewer steps than planned": (
        lambda: with_cell(steps=2),
        "results that contradict themselves: 'current/self': seed 1: identical after 2 of 4 steps",
    ),
    "a cell of a seed that is not planned": (
        lying_seed,
        "results that contradict themselves: 'current/self': cells of seeds [7, 42], but [1, 42] are planned",
    ),
    "a seed removed": (
        without_seed,
        "results that do not follow from their cells: expected is True, but its cells say False",
    ),
    "a cell twice": (
        lambda: with_probe(cells=document()["probes"][0]["cells"] * 2),
        "results that contradict themselves: 'current/self': cells of seeds [1, 42, 1, 42], but [1, 42] are planned",
    ),
    "a probe twice": (
        lambda: changed(probes=document()["probes"][:1] * 2),
        "results that contradict themselves: probe 'current/self' appears 2 times",
    ),
    "within beyond its tolerance": (
        within_beyond,
        "results that contradict themselves: 'current/self': seed 1: within, but loss is off by 0.25; 0.125 is allowed",
    ),
    "a canary that nobody knows": (
        lambda: with_canary(canary="not-cliped"),
        "not the results of a run: BadProbeError: unknown canary 'not-cliped'; did you mean 'not-clipped'?",
    ),
    "a canary that is missed and called caught": (
        lambda: with_canary(verdict="identical"),
        "results that contradict themselves: canary 'not-clipped' is caught, but its verdict is identical",
    ),
    "a canary that is harmless and called a fault": (
        lambda: with_canary(canary="mask-in-float32"),
        "results that contradict themselves: canary 'mask-in-float32' is caught, but harmless",
    ),
    "totals other than the canaries'": (
        lambda: changed(canaries=document()["canaries"] | {"canaries": []}),
        "results that do not follow from their cells: expected is True, but its cells say False",
    ),
    "another fault than the canary's": (
        lambda: with_canary(fault="nothing at all"),
        "results that do not follow from their cells: canaries.canaries[0].fault is nothing at all, but its "
        "cells say The gradient is not clipped, though the probe asks for it",
    ),
    "a boolean for a seed": (
        lambda: with_cell(seed=True),
        "results that do not follow from their cells: probes[0].cells[0].seed is True, but its cells say 1",
    ),
    "text for a number": (
        lambda: with_metric(compared="4"),
        "results that do not follow from their cells: probes[0].cells[0].metrics.loss.compared is 4, but its "
        "cells say 4",
    ),
}

BY_PYTHON: dict[str, tuple[Callable[[], bytes], str]] = {
    "an empty file": (lambda: archive(b""), "not JSON ("),
    "not JSON": (lambda: archive(b"<html>"), "not JSON ("),
    "cut JSON": (lambda: archive(b'{"schema": 3, "probes"'), "not JSON ("),
    "a byte order mark": (lambda: archive(json.dumps(document()).encode("utf-8-sig")), "not JSON ("),
    "a number of 5000 digits": (lambda: archive('{"schema": ' + "9" * 5000 + "}"), "not JSON ("),
    "nested 100,000 deep": (lambda: nested(100_000), "not JSON ("),
    "nested 900 deep where anything may stand": (
        lambda: nested_setting(900),
        "not JSON (nested more than 100 levels deep)",
    ),
    "a lone surrogate": (lambda: with_cell(note="\ud800"), "not JSON (a text with half a character)"),
}
"""The reason ends in the words of this Python's own parser."""


def body_of(why: str) -> str:
    return refusal(escaped(why))


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_refused(job: Job, name: str) -> None:
    make, why = ARCHIVES[name]
    data = make()
    why = why.replace("SIZE", f"{len(data):,}")
    job.github.holds(data)
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.bodies == [body_of(why)]
    assert job.said == f"no verdict: {why}\npull request 7: comment created\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_refused(job: Job, name: str) -> None:
    make, why = DOCUMENTS[name]
    job.github.holds(make())
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.bodies == [body_of(REFUSED + why)]
    assert job.erred == ""


@pytest.mark.parametrize("name", BY_PYTHON)
def test_what_no_parser_takes_is_refused(job: Job, name: str) -> None:
    make, why = BY_PYTHON[name]
    job.github.holds(make())
    assert job.comment() == ExitStatus.UNDECIDED
    (body,) = job.bodies
    before, after = refusal("REASON").split("REASON")
    assert body.startswith(before + escaped(REFUSED + why))
    assert body.endswith(after)
    assert job.erred == ""


def test_more_probes_than_can_be_read_are_refused_unread(job: Job) -> None:
    job.github.holds(many_probes())
    assert job.comment() == ExitStatus.UNDECIDED
    assert re.search(
        r"No verdict:\*\* results.json has [56][0-9],[0-9]{3},[0-9]{3} bytes; at most 40,000,000, ", job.bodies[0]
    )


def test_an_artifact_that_says_it_is_too_large_is_not_fetched(job: Job) -> None:
    job.github.holds(archive(), size_in_bytes=100_000_000)
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.bodies == [body_of("the artifact has 100,000,000 bytes; 20,000,000 are allowed")]
    assert not any("/zip" in request for request in job.github.requests)


def test_a_storage_that_says_it_sends_too_much_is_not_read(job: Job) -> None:
    job.github.holds(archive())
    job.github.announced = 100_000_000
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.bodies == [body_of("the artifact has 100,000,000 bytes; 20,000,000 are allowed")]


def test_a_stream_that_is_larger_than_was_said_is_cut(job: Job) -> None:
    job.github.holds(archive())
    job.github.poured = 100 * 2**20
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.bodies == [body_of("the artifact has more than the 20,000,000 bytes that are allowed")]


@pytest.mark.parametrize("expired", ["as it is listed", "while it is asked for", "where it is stored"])
def test_an_expired_artifact_is_no_verdict(job: Job, expired: str) -> None:
    job.github.holds(archive(), expired=expired == "as it is listed")
    job.github.storage_statuses = [404] if expired == "where it is stored" else []
    job.github.failures = [Failure("/zip", 410)] if expired == "while it is asked for" else []
    assert job.comment() == ExitStatus.UNDECIDED
    assert job.bodies == [body_of("the artifact has expired")]


@pytest.mark.parametrize("conclusion", ["success", "failure"])
def test_a_missing_artifact_is_no_verdict(job: Job, conclusion: str) -> None:
    assert job.comment(conclusion=conclusion) == ExitStatus.UNDECIDED
    assert job.bodies == [body_of("the run has no artifact called parity-results")]


def test_a_pass_of_a_run_that_failed_is_no_verdict(job: Job) -> None:
    job.github.holds(archive())
    assert job.comment(conclusion="failure") == ExitStatus.UNDECIDED
    assert job.bodies == [body_of("the run failed, but its results say that everything is as expected")]


def test_a_finding_of_a_run_that_succeeded_says_that_it_gates_nothing(job: Job) -> None:
    job.github.holds(archive(render_json(unexpected())))
    assert job.comment() == ExitStatus.EXPECTED
    (body,) = job.bodies
    assert body.splitlines()[2] == (
        "⚠ The run succeeded although its results call for status 1: its check is not a gate."
    )
    assert body.splitlines()[4].startswith("❌ **Not as expected, 1 of 1 probe: current/self diverged, ")


ODD = {
    "a mention": "@owner/team and a@b.example",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "a picture": "![x](https://evil.example/pixel.png)",
    "a link": "[press here](https://evil.example) https://evil.example www.evil.example",
    "a reference": "#1 owner/other#2 GH-3 https://code.example/owner/trainer/issues/4",
    "our marker": "<!-- mlx-parity run=999999 -->",
    "a marker on a line of its own": "\n<!-- mlx-parity run=999999 -->\n",
    "the end of a fold": "</details></summary><details open>",
    "a fence": "```\n```mermaid\ngraph TD; click A href",
    "a fence of tildes": "~~~\n# heading\n~~~",
    "a table": "| a | b |\n| --- | --- |",
    "a heading": "\n# ✅ As expected",
    "control characters": "\x1b[31mred\x07\x00\x7f",
    "another direction of writing": "\u202egnihton\u2066 \u200f",
    "entities": "&#64;team &commat;team &lt;b&gt; &#x3c;b>",
    "backslashes": "\\@team \\<b> \\\\[x](http://x)",
    "a formula": "$\\href{javascript:1}{x}$ $$x$$",
    "a command of somebody's bot": "/approve",
    "a command of the runner": "::add-mask::x ##[error]x",
    "another pull request": "pull request 8, --run-id 999, owner/other",
}


def odd(said: str) -> RunResult:
    """As expected, with this text wherever a run takes text from outside."""
    text = {"reference": said, "candidate": f"{said}2", "delta": None, "ulp": None, "detail": said}
    made = cell(1, divergence(2, Stage.GRADIENT, "gradient", **text))
    assert made.verdict is not None
    file = replace(made.executed[ArmName.REFERENCE][0], distribution=said, path=said, digest=said, functions=(said,))
    made = replace(
        made,
        verdict=replace(made.verdict, reason=said),
        note=said,
        upstream=(said,),
        strays=(said,),
        provenance={
            "platform": said,
            "python": said,
            "device": {"type": said, "name": said, "deterministic": True},
            "versions": {said: said},
            "environment": {said: said},
        },
        executed={ArmName.REFERENCE: (file,), ArmName.CANDIDATE: (file,)},
        differences=(Difference(name=said, reference=said, candidate=[said, said], declared=False),),
        warnings=(Warned(arm=ArmName.CANDIDATE, ignored=Ignored(name=said, asked=said, effective=None, why=said)),),
    )
    more = replace(cell(42, AT), strays=(), provenance={}, executed={}, differences=())
    named = result(
        probe_result(
            made,
            more,
            name=f"{said} ",
            question=said,
            reference=Arm(provider=said),
            candidate=Arm(provider=said, settings={said: said}, stages={Stage.LOSS: said}),
            expect=Expectation(verdict=VerdictKind.DIVERGED, because=said),
        )
    )
    return replace(named, explanations={f"{said} ": explanation(said) | {"probe": f"{said} "}})


def explanation(said: str) -> dict[str, Any]:
    return {
        "probe": said,
        "seed": 1,
        "summary": said,
        "evidence": [{"factor": said, "diverges_at": said, "lines": [said]}],
        "ignored": [said],
        "steps": {"summary": said, "lines": [(said, said, said)]},
        "causes": [{"stages": [said], "lines": [said], "restores": said, "alone": [{"diverges_at": said}]}],
        "ruled_out": [{"stages": [said], "still": said}],
        "effective": [{"name": said, "reference": said, "candidate": [said], "declared": False}],
        "runs": 3,
    }


@pytest.mark.parametrize("name", ODD)
def test_odd_text_is_accepted_and_does_no_harm(job: Job, name: str) -> None:
    job.github.holds(archive(render_json(odd(ODD[name]))))
    assert job.comment() == ExitStatus.EXPECTED, job.said
    ((method, path, body),) = job.github.writes
    assert (method, path) == ("POST", "/issues/7/comments")
    assert violation(body, marker=ASKED.marker, ending=ENDING) == ""
    assert body.startswith("<!-- mlx-parity run=123 -->\n\n✅ **1 probe, as expected: diverged as declared.")
    assert body.endswith(f"\n\n{ENDING}\n")
    assert len(body) <= 65_536
    harm = r"<(?!/?(details|summary)>|!-- mlx-parity run=123 -->)|(?<!\\)\]\(h|@\w|&#64|https?://(?!code\.example/owner/trainer/actions)"
    assert re.search(harm, body.replace(ENDING, "")) is None
    assert [line for line in job.said.splitlines() if line.startswith("::") or "##[" in line] == []
    assert job.said == "pull request 7: comment created\n"


def test_a_name_on_which_the_guard_would_fire_is_told_from_a_harmless_one() -> None:
    """What the assertions above look for is found where it is."""
    made = f"{ASKED.marker}\n\n{{}}\n\n{ENDING}\n"
    assert violation(made.format("current/strict"), marker=ASKED.marker, ending=ENDING) == ""
    unharmed = [
        name for name, said in ODD.items() if not violation(made.format(said), marker=ASKED.marker, ending=ENDING)
    ]
    assert unharmed == ["a table", "a heading", "another pull request"]


@pytest.mark.parametrize("said", ["x" * 2**20, '"' * 2**19], ids=["plain", "of what has to be escaped"])
def test_a_name_of_a_megabyte_is_refused(job: Job, said: str) -> None:
    made = result(probe_result(cell(1), cell(42), name=said))
    job.github.holds(archive(render_json(made), method=zipfile.ZIP_STORED))
    assert job.comment() == ExitStatus.UNDECIDED
    # A name is also part of nothing that is longer.
    assert job.bodies == [body_of("results.json has a string of 1,048,578 characters; 100,000 are allowed")]


def test_a_long_name_is_cut(job: Job) -> None:
    cells = cell(1), cell(42, AT)
    made = result(*(probe_result(*cells, name=f"{number}{'<@#$' * 300}") for number in range(5)))
    job.github.holds(archive(render_json(made), method=zipfile.ZIP_STORED))
    assert job.comment(conclusion="failure") == ExitStatus.EXPECTED, job.said
    (body,) = job.bodies
    assert len(body) <= 65_536
    assert body.startswith("<!-- mlx-parity run=123 -->\n\n❌ **Not as expected, 5 of 5 probes")
    assert body.endswith(f"\n\n{ENDING}\n")
