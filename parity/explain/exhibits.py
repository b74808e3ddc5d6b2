"""Evidence for each factor of a cause: the step at which it alone makes the arms diverge, replayed and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from parity.errors import BadTraceError
from parity.explain.lockstep import Lockstep, lockstep
from parity.files import read_bytes
from parity.judge.diff import diff, recording
from parity.metrics import METRICS
from parity.probe.values import BOTH_ARMS, ArmName, to_plain
from parity.trace.cell import must_run, note_exit, repetition_paths, trace_path
from parity.trace.evidence import Evidence
from parity.trace.file import read_trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from parity.judge.result import CellResult
    from parity.judge.verdict import FirstDivergence
    from parity.metrics import Stage
    from parity.probe.values import Probe
    from parity.trace.values import Trace

Replay = Callable[["Mapping[str, Any]", "Path"], int]
"""Runs `parity.lab.replay.arms` on a specification, as `parity.runner.pool.run_alone` does: its exit status."""

_EVIDENCE = TypeAdapter(Evidence)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A candidate that was run, and where it diverges from the reference."""

    name: str
    """Can be part of a file name."""
    stages: tuple[Stage, ...]
    """The stages of the cause that it still does differently."""
    probe: Probe
    result: CellResult
    traces: Path
    """The folder of its cell."""

    @property
    def at(self) -> FirstDivergence:
        """Where it diverges."""
        assert self.result.first_divergence is not None
        return self.result.first_divergence


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """What the replay of one cut shows."""

    stages: tuple[Stage, ...]
    at: FirstDivergence
    evidence: Evidence | None
    note: str
    """Why there is no evidence, or why it is in doubt; empty where neither."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """All replays of one explanation."""

    exhibits: tuple[Exhibit, ...]
    lockstep: Lockstep
    runs: int
    """Arms that were run for it, completely or in part."""


def replayed(probe: Probe, baseline: Cut, cuts: Sequence[Cut], folder: Path, replay: Replay) -> Replayed:
    """Replays one probe at its one seed.

    Args:
        probe: as it was asked for.
        baseline: the probe itself, as it was run.
        cuts: what evidence is wanted for, the baseline maybe among them.
        folder: where it is kept; asked for the same again, nothing is run.
        replay: runs it.

    """
    (seed,) = probe.workload.seeds
    asked = {
        "probe": to_plain(probe),
        "seed": seed,
        "locked": True,
        "cuts": {cut.name: _asked(cut) for cut in cuts},
    }
    key = hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=4).hexdigest()
    into = folder / f"replay-{key}"
    if must_run(into):
        note_exit(into, replay(asked, into))
    reference = _doubt(into / "reference.jsonl", trace_path(baseline.traces, ArmName.REFERENCE))
    return Replayed(
        exhibits=tuple(_exhibit(cut, into, reference) for cut in cuts),
        lockstep=_lockstep(baseline, into),
        runs=2 + len(cuts),
    )


def _asked(cut: Cut) -> dict[str, Any]:
    after = cut.at.metric in METRICS and METRICS[cut.at.metric].at_end
    return {
        "probe": to_plain(cut.probe),
        "step": cut.probe.workload.steps + 1 if after else cut.at.step,
        "names": _names(cut),
    }


def _names(cut: Cut) -> list[str]:
    """The names of the parameters that differ, where parameters diverge first."""
    kept = [recording(read_trace(trace_path(cut.traces, arm))) for arm in BOTH_ARMS]
    left, right = (each.parameters.get(cut.at.metric, {}) for each in kept)
    return sorted(name for name in {*left, *right} if left.get(name) != right.get(name))


def read_evidence(file: Path) -> Evidence:
    """Reads what `parity.lab.replay.arms` wrote for one cut.

    Raises:
        ValueError: it cannot be read, or is not evidence.

    """
    return _EVIDENCE.validate_json(read_bytes(file))


def _exhibit(cut: Cut, into: Path, doubt: str) -> Exhibit:
    file = into / f"{cut.name}.evidence.json"
    try:
        evidence = read_evidence(file)
    except ValueError:
        note = f"the step could not be replayed; see {into}"
        return Exhibit(stages=cut.stages, at=cut.at, evidence=None, note=note)
    note = doubt or _doubt(into / f"{cut.name}.jsonl", trace_path(cut.traces, ArmName.CANDIDATE))
    return Exhibit(stages=cut.stages, at=cut.at, evidence=evidence, note=note)


def _doubt(again: Path, recorded: Path) -> str:
    """From which step on a replay differs from the recorded run; empty where it does not."""
    try:
        ours, theirs = (_bare(read_trace(path)) for path in (again, recorded))
    except BadTraceError as error:
        return str(error)
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return f"the replay differs from the run, from step {number} on: its values are not those of the run"
    return ""


def _bare(trace: Trace) -> list[str]:
    """Start and steps as text, so that a NaN equals itself."""
    start = repr(trace.start and (trace.start.loaded, trace.start.base, trace.start.trainable))
    return [start, *(repr(replace(step, reported={})) for step in trace.steps)]


def _lockstep(baseline: Cut, into: Path) -> Lockstep:
    steps, verdict = baseline.probe.workload.steps, baseline.result.verdict
    try:
        reference, candidate = (read_trace(trace_path(baseline.traces, arm)) for arm in BOTH_ARMS)
        again = [read_trace(path) for path in repetition_paths(baseline.traces)]
        locked = read_trace(into / "locked.jsonl")
    except BadTraceError as error:
        return Lockstep(spans=(), asked=steps, note=str(error))
    if not locked.steps or verdict is None:
        return Lockstep(spans=(), asked=steps, note=locked.ending.why)
    free, by_itself, *repeated = (diff(recording(reference), recording(each)) for each in (candidate, locked, *again))
    return lockstep(free, by_itself, repeated, thresholds=verdict.thresholds, asked=steps)
