"""A stored run goes on: first whether it is still the same run, then what of it is missing."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.conduct.inputs import CODE, inputs_of
from parity.conduct.probes import checked_probe
from parity.conduct.run import Planned
from parity.errors import ParityError, UnavailableError
from parity.files import is_file, read_text
from parity.golden.folder import KEPT
from parity.judge.cell import judge_cell
from parity.parsing import parse_json
from parity.probe.hub import find_models
from parity.probe.values import BOTH_ARMS, to_plain
from parity.runner.pool import Task, run_alone
from parity.runner.process import interpreter_of
from parity.store.merge import asked_of, origin
from parity.store.plan import read_plan
from parity.store.run import note_resumed
from parity.trace.cell import HERE, LOG, cell_folder, exit_code_of, forget_half, read_cell
from parity.trainers.rest import with_rests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from parity.probe.values import ArmName, Probe
    from parity.store.plan import Plan

_SECONDS = 300.0


def plan_resumed(run: Path, *, say: Callable[[str], None]) -> Planned:
    """Checks that a stored run can go on, and empties its cells that have to be run again.

    Those are the cells that have not ended, that a signal ended, or that have no verdict.

    Args:
        run: its folder, whose lock is held.
        say: called with a line about what takes time.

    Raises:
        BadTraceError: not the folder of a run, or its schema is a different one.
        ParityError: probes, inputs, code or releases are not those that the run began with.

    """
    plan = read_plan(run)
    if plan.missing_shards is not None:
        raise ParityError(f"{run}: a merged run; resume the shard that is missing or incomplete, and merge again")
    own = tuple(probe for probe in plan.own if probe.name not in plan.not_run)
    _check_probes(run, plan)
    _check_inputs(run, plan, own, say)
    cells = [(probe, seed, _ended(run, probe, seed)) for probe in own for seed in probe.workload.seeds]
    ended = [(probe, recorded) for probe, _, recorded in cells if recorded]
    _check_origins(run, ended, say)
    for probe, seed, recorded in cells:
        if not recorded:
            forget_half(cell_folder(run, probe, seed))
    note_resumed(run)
    say(f"{run}: {len(ended)} of {len(cells)} cells have ended")
    return Planned(
        own=own,
        controls=frozenset(plan.promised.controls),
        repetitions=plan.promised.repetitions,
        canaries=plan.promised.canaries,
        folder=run,
    )


def _ended(run: Path, probe: Probe, seed: int) -> dict[ArmName, Mapping[str, Any]]:
    """Where the arms of a cell were recorded; empty if it has not ended by itself, or has no verdict."""
    folder = cell_folder(run, probe, seed)
    code, read = exit_code_of(folder), read_cell(probe, seed, folder)
    if code is None or code < 0 or judge_cell(probe, seed, read).verdict is None:
        return {}
    return {arm: trace.header.provenance for arm, trace in read.traces.items()}


def _check_probes(run: Path, plan: Plan) -> None:
    """The files must still say what they said; the rests follow from them."""
    asked = [probe for probe in plan.probes if not probe.rest_of]
    now = {probe.name: asked_of(probe) for probe in with_rests(_read_again(run, probe) for probe in asked)}
    for probe in plan.probes:
        before, after = asked_of(probe), now.get(probe.name, {})
        for word in [*before, *after]:
            if before.get(word) != after.get(word):
                raise _different(run, f"{word} of probe {probe.name} is not what it was")
    if added := [name for name in now if name not in {probe.name for probe in plan.probes}]:
        raise _different(run, f"probe {added[0]} is new")


def _read_again(run: Path, probe: Probe) -> Probe:
    if not probe.file:
        return probe
    if not is_file(Path(probe.file)):
        raise ParityError(f"{run}: its probe {probe.file} is not here; resume it in the folder where it was started")
    return checked_probe(Path(probe.file), probe.overrides)


def _check_inputs(run: Path, plan: Plan, own: tuple[Probe, ...], say: Callable[[str], None]) -> None:
    now = inputs_of(own)
    for path in [*plan.inputs, *now]:
        if plan.inputs.get(path) != now.get(path):
            raise _different(run, "the code of parity is not what it was" if path == CODE else f"{path} has changed")
    models = find_models(own, say).commits
    for model, commit in plan.models.items():
        if (found := models.get(model)) != commit:
            raise _different(run, f"model {model} was {commit}, and is {found or 'missing'}")
    for name in plan.promised.goldens:
        if not is_file(run / KEPT / name):
            raise _different(run, f"the golden file {name} is missing")


def _check_origins(
    run: Path, ended: Sequence[tuple[Probe, Mapping[ArmName, Mapping[str, Any]]]], say: Callable[[str], None]
) -> None:
    """What has ended must have been recorded with the releases, and on the device, that are here."""
    probes = {probe.name: probe for probe, _ in ended}
    known: dict[tuple[Path, tuple[str, ...]], dict[str, str]] = {}

    @cache
    def here(name: str, distributions: tuple[str, ...]) -> dict[str, str]:
        try:
            python = interpreter_of(probes[name], say)
            if (python, distributions) not in known:
                known[python, distributions] = dict(_origin(_asked(probes[name], python, distributions)))
        except UnavailableError as error:
            raise _different(run, str(error)) from None
        return known[python, distributions]

    for probe, recorded in ended:
        for arm in (arm for arm in BOTH_ARMS if not probe.arm(arm).command):  # it has a Python of its own
            then = dict(_origin(recorded[arm]))
            now = here(probe.name, tuple(recorded[arm]["versions"]))
            for name in [*then, *now]:
                if then.get(name) != now.get(name):
                    was, found = (each.get(name, "missing") for each in (then, now))
                    raise _different(run, f"{name} was {was}, and is {found}")


def _origin(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """As for shards, and the variables that can change a result and the functions of mlx-lm that we know."""
    yield from origin(provenance)
    for table in ("environment", "upstream"):
        yield from ((str(name), str(value)) for name, value in provenance.get(table, {}).items())


def _asked(probe: Probe, python: Path, distributions: tuple[str, ...]) -> Mapping[str, Any]:
    """Where an arm of this probe would be trained.

    Raises:
        UnavailableError: that Python does not answer.

    """
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        task = Task(
            module="parity.lab.here",
            specification={"probe": to_plain(probe), "distributions": distributions},
            folder=Path(folder),
            log=LOG,
            python=python,
            seconds=_SECONDS,
        )
        if run_alone(task):
            said = read_text(Path(folder) / LOG).strip().rpartition("\n")[2]
            raise UnavailableError(f"{python}: cannot say which releases it has ({said})")
        found: Mapping[str, Any] = parse_json(read_text(Path(folder) / HERE), ours=True)
        return found


def _different(run: Path, what: str) -> ParityError:
    return ParityError(f"{run}: cannot go on, because {what}; undo that, or start a new run: nothing was changed")
