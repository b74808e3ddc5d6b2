"""Checks a probe as a whole, once the type of each of its keys is right."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from parity.errors import BadProbeError, nearest, shortened
from parity.files import is_file, is_folder
from parity.metrics import METRICS, RANDOM, SIZED_METRICS
from parity.probe.command import check_command
from parity.probe.inputs import check_inputs, check_tokenizer
from parity.probe.sources import check_sources
from parity.probe.values import BOTH_ARMS, OUTCOMES, VerdictKind

if TYPE_CHECKING:
    from parity.probe.values import ArmName, Probe

_MEASURED_BY = {"completion_loss": "completion", "contains": "contains"}
_OUTCOME_KINDS = (VerdictKind.IDENTICAL, VerdictKind.DIVERGED, VerdictKind.INCONCLUSIVE)


def check_whole(probe: Probe) -> None:
    """Checks what the type of no single key tells: keys that go together, names, and files that must be there.

    Raises:
        BadProbeError: one line that names the key.

    """
    _check_expectation(probe)
    for name in BOTH_ARMS:
        _check_arm(probe, name)
    check_sources(probe.environment)
    seen: set[int] = set()
    for seed in probe.workload.seeds:
        if seed in seen:
            raise BadProbeError(f"workload.seeds: {seed} is listed twice; each seed is one cell")
        seen.add(seed)
    reference, candidate = probe.reference.workload, probe.candidate.workload
    workloads = {"workload": probe.workload, "reference.workload": reference, "candidate.workload": candidate}
    for where, workload in workloads.items():
        if workload is not None:
            check_inputs(workload, where)
            if probe.outcomes is not None:
                check_tokenizer(workload)


def _check_arm(probe: Probe, name: ArmName) -> None:
    arm = probe.arm(name)
    check_command(name, arm, probe.workload_of(name))
    if arm.command and probe.outcomes is not None:
        raise BadProbeError(f"outcomes: the {name} is a command, whose trained model is not at hand; leave them out")
    for key, path, there in (("python", arm.python, is_file), ("directory", arm.directory, is_folder)):
        if path and not there(Path(path)):
            raise BadProbeError(f"{name}.{key}: {shortened(path)} does not exist")


def _check_expectation(probe: Probe) -> None:
    expect = probe.expect
    if expect.verdict in {VerdictKind.INVALID, VerdictKind.NOT_RUN}:
        raise BadProbeError("expect.verdict: 'invalid' and 'not run' cannot be expected")
    differs = expect.verdict in {VerdictKind.DIVERGED, VerdictKind.WITHIN}
    if not differs and (expect.stage, expect.step) != (None, None):
        raise BadProbeError(
            f"expect.stage and expect.step go with verdict 'diverged' or 'within', not {str(expect.verdict)!r}"
        )
    if expect.only and expect.verdict is not VerdictKind.DIVERGED:
        raise BadProbeError(f"expect.only goes with verdict 'diverged', not {str(expect.verdict)!r}")
    if expect.only and expect.stage is not None and expect.stage not in expect.only:
        raise BadProbeError(f"expect.only: must hold {str(expect.stage)!r}, where the divergence is declared to start")
    for key, what, names, valid in (
        ("expect.equal", "metric", expect.equal, (*METRICS, RANDOM)),
        ("tolerance", "metric", probe.tolerance, SIZED_METRICS),
        ("expect.outcomes", "outcome", expect.outcomes, OUTCOMES),
    ):
        for name in names:
            if name not in valid:
                raise BadProbeError(f"{key}: unknown {what} {name!r}; {nearest(name, valid)}")
    for name, kind in expect.outcomes.items():
        if kind not in _OUTCOME_KINDS:
            kinds = ", ".join(repr(str(each)) for each in _OUTCOME_KINDS)
            raise BadProbeError(f"expect.outcomes.{name}: must be one of {kinds}, not {str(kind)!r}")
        if probe.outcomes is None or not asdict(probe.outcomes).get(_MEASURED_BY.get(name, "prompt")):
            raise BadProbeError(f"expect.outcomes.{name}: this probe does not measure it; ask for it under [outcomes]")
