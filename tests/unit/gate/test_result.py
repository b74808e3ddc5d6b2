"""A whole run: its exit status and its sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from parity.errors import ExitStatus
from parity.gate.result import RunResult
from parity.gate.sentence import sentence
from parity.judge.result import CellResult, ProbeResult
from parity.metrics import Stage
from parity.probe.shard import MissingShards, Shard
from parity.probe.values import Expectation, VerdictKind
from tests.unit.made import cell, divergence, probe_result

AT = divergence()
DIVERGED = Expectation(verdict=VerdictKind.DIVERGED, stage=Stage.CLIP, step=1)
MET = probe_result(cell(1), cell(42))
ODD = probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT))
FAILED = CellResult(seed=42, steps=0, verdict=None, failure="candidate: unsloth_zoo is not installed")


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        ([probe_result(cell(1), cell(42))], ExitStatus.EXPECTED),
        ([probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT))], ExitStatus.UNEXPECTED),
        ([probe_result(cell(1), cell(42, VerdictKind.INVALID))], ExitStatus.UNDECIDED),
        ([probe_result(cell(1), cell(42, VerdictKind.INCONCLUSIVE))], ExitStatus.UNDECIDED),
        ([probe_result(cell(1), FAILED)], ExitStatus.NOT_RUN),
        ([probe_result(cell(1))], ExitStatus.UNDECIDED),
        ([], ExitStatus.UNDECIDED),
        (
            [probe_result(cell(1), FAILED), probe_result(cell(1), cell(42, VerdictKind.DIVERGED))],
            ExitStatus.UNEXPECTED,
        ),
        ([probe_result(cell(1), cell(42)), probe_result(cell(1), FAILED)], ExitStatus.NOT_RUN),
    ],
)
def test_the_exit_status_follows_from_what_was_found(probes: list[ProbeResult], status: ExitStatus) -> None:
    result = RunResult(probes=tuple(probes))
    assert result.status is status
    assert result.expected is (status is ExitStatus.EXPECTED)


def test_an_interrupted_run_is_no_pass() -> None:
    result = RunResult(probes=(probe_result(cell(1), cell(42)),), interrupted=True)
    assert (result.status, result.expected) == (ExitStatus.INTERRUPTED, False)


def test_the_sentence_tells_the_truth() -> None:
    met = probe_result(cell(1), cell(42))
    declared = probe_result(*[cell(seed, VerdictKind.DIVERGED, AT) for seed in (1, 42)], expect=DIVERGED)
    odd = probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT))
    assert sentence(RunResult(probes=(met, declared))) == (
        "All 2 probes as expected: 1 identical, 1 diverged as declared."
    )
    assert sentence(RunResult(probes=(met, odd))) == (
        "Not as expected, 1 of 2 probes: current/self diverged, because (seed 42), expected identical."
    )
    assert sentence(RunResult(probes=(met,), interrupted=True)) == ("Interrupted: 1 of 1 probe had ended as expected.")


def test_a_probe_and_its_rest_are_one_probe_that_fails_where_the_rest_does() -> None:
    declared = probe_result(*[cell(seed, VerdictKind.DIVERGED, AT) for seed in (1, 42)], expect=DIVERGED)
    rest = probe_result(cell(1), cell(42), name="current/self+rest", rest_of="current/self")
    odd = probe_result(cell(1), cell(42, VerdictKind.DIVERGED, AT), name="current/self+rest", rest_of="current/self")
    assert sentence(RunResult(probes=(declared, rest))) == "1 probe, as expected: diverged as declared."
    assert sentence(RunResult(probes=(declared, odd))) == (
        "Not as expected, 1 of 1 probe: current/self+rest diverged, because (seed 42), expected identical."
    )
    assert RunResult(probes=(declared, odd)).status is ExitStatus.UNEXPECTED


def not_run(**changed: Any) -> ProbeResult:
    return replace(probe_result(**changed), not_run="model owner/name is not available (no such repository)")


@pytest.mark.parametrize(
    ("probes", "status", "said"),
    [
        (
            [not_run(), not_run(name="current/other")],
            ExitStatus.UNDECIDED,
            "Not decided: 2 of 2 probes were not run: model owner/name is not available (no such repository).",
        ),
        (
            [not_run(), MET, MET],
            ExitStatus.UNDECIDED,
            "Not decided: 1 of 3 probes was not run: model owner/name is not available (no such repository); "
            "the other 2 are as expected: 2 identical.",
        ),
        (
            [not_run(), MET],
            ExitStatus.UNDECIDED,
            "Not decided: 1 of 2 probes was not run: model owner/name is not available (no such repository); "
            "the other is as expected: 1 identical.",
        ),
        (
            [not_run(), ODD],
            ExitStatus.UNEXPECTED,
            "Not as expected, 1 of 2 probes: current/self diverged, because (seed 42), expected identical. "
            "1 of 2 probes was not run: model owner/name is not available (no such repository).",
        ),
        (
            [not_run(), probe_result(cell(1), FAILED)],
            ExitStatus.NOT_RUN,
            "Not as expected, 1 of 2 probes: current/self is invalid, an arm did not run (seed 42), expected "
            "identical. 1 of 2 probes was not run: model owner/name is not available (no such repository).",
        ),
        (
            [replace(not_run(), cells=(cell(1, VerdictKind.DIVERGED, AT),))],
            ExitStatus.UNEXPECTED,
            "Not as expected, 1 of 1 probe: current/self diverged, because (seed 1), expected identical.",
        ),
    ],
)
def test_what_was_not_run_is_neither_a_pass_nor_a_fail(
    probes: list[ProbeResult], status: ExitStatus, said: str
) -> None:
    result = RunResult(probes=tuple(probes))
    assert (result.status, sentence(result), result.expected) == (status, said, False)
    assert result.undecided is (status is ExitStatus.UNDECIDED)


def test_a_probe_of_which_nothing_was_run_has_no_verdict_and_one_seed_short_is_invalid() -> None:
    assert not_run().kind is VerdictKind.NOT_RUN
    assert replace(not_run(), cells=(cell(1),)).kind is VerdictKind.INVALID
    assert probe_result().kind is VerdictKind.INVALID


def test_what_a_model_kept_from_running_cannot_be_expected_as_an_outcome_either() -> None:
    declared = replace(
        DIVERGED, verdict=VerdictKind.IDENTICAL, outcomes={"contains": VerdictKind.IDENTICAL}, stage=None, step=None
    )
    assert RunResult(probes=(not_run(expect=declared),)).status is ExitStatus.UNDECIDED


@pytest.mark.parametrize(
    ("missing_shards", "cells", "said"),
    [
        (
            MissingShards(of=5, missing=(3, 5)),
            (cell(1),),
            "Shards 3 and 5 of 5 are missing: 1 of 4 cells was not run. ",
        ),
        (MissingShards(of=2, missing=(2,)), (), "Shard 2 of 2 is missing: 2 of 4 cells were not run. "),
        (MissingShards(of=2, incomplete=(2,)), (cell(1),), "Shard 2 of 2 is incomplete: 1 of 4 cells was not run. "),
        (
            MissingShards(of=9, missing=(1, 2, 3), incomplete=(4,)),
            (cell(1),),
            "Shards 1, 2 and 3 of 9 are missing and shard 4 of 9 is incomplete: 1 of 4 cells was not run. ",
        ),
    ],
)
def test_what_is_missing_of_shards_is_said_first_and_never_passes(
    missing_shards: MissingShards, cells: tuple[CellResult, ...], said: str
) -> None:
    result = RunResult(probes=(probe_result(*cells), MET), missing_shards=missing_shards)
    rest = "Not decided: 1 of 2 probes was not run at every seed; the other is as expected: 1 identical."
    assert (sentence(result), result.status) == (said + rest, ExitStatus.UNDECIDED)


@pytest.mark.parametrize(
    ("odd", "status"),
    [(ODD, ExitStatus.UNEXPECTED), (probe_result(cell(1), FAILED), ExitStatus.NOT_RUN)],
)
def test_what_shards_have_found_outranks_what_is_missing_of_them(odd: ProbeResult, status: ExitStatus) -> None:
    result = RunResult(probes=(odd, probe_result(cell(1))), missing_shards=MissingShards(of=2, missing=(2,)))
    assert result.status is status
    assert sentence(result).startswith(
        "Shard 2 of 2 is missing: 1 of 4 cells was not run. Not as expected, 1 of 2 probes:"
    )
    assert sentence(result).endswith("expected identical. 1 of 2 probes was not run at every seed.")


def test_a_run_that_lacks_a_shard_never_passes_whatever_its_probes_say() -> None:
    result = RunResult(probes=(MET,), missing_shards=MissingShards(of=2, missing=(2,)))
    assert (result.status, result.expected, result.undecided) == (ExitStatus.UNDECIDED, False, True)
    assert sentence(result) == (
        "Shard 2 of 2 is missing. Not decided: what was run is as expected: 1 probe, 1 identical."
    )


def test_the_sentence_of_a_shard_says_first_that_it_is_one() -> None:
    shard = Shard(number=2, of=5)
    assert sentence(RunResult(probes=(MET,), shard=shard)) == "Shard 2 of 5. 1 probe, as expected: identical."
    assert sentence(RunResult(probes=(MET,), shard=shard, interrupted=True)).startswith("Shard 2 of 5. Interrupted: ")
