"""One probe at one seed, in a process of its own: reference, candidate, and the reference once more.

The reference runs first, before the candidate's library is even imported, and again afterwards: a
class that the candidate patched and left behind shows as a reference that no longer repeats itself.

    python -m parity.cell SPEC.json FOLDER
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sys
import tempfile
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import mlx.core as mx
import numpy as np

from parity.errors import ParityError, UnavailableError
from parity.executed import Watch
from parity.live import all_parameters
from parity.measure import outcomes
from parity.probe.inputs import read_rows
from parity.probe.values import ArmName, Probe, Stage, from_plain
from parity.provenance import provenance
from parity.replay.observe import Enough
from parity.tap import Tap
from parity.trace import Ending, Header, Outcome, Swallowed, Tensor
from parity.tracefile import TraceWriter, repetition_path, trace_path
from parity.trainers.protocol import Job, Loaded, Provider
from parity.trainers.registry import distributions_of, provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import FrameType

    from parity.replay.observe import Observer


_STOP = "stopped from outside"
_stopped = threading.Event()


def run_cell(probe: Probe, seed: int, folder: Path, arms: Iterable[ArmName] = ArmName) -> bool:
    """Writes one trace an arm into `folder`; stops at the first arm that fails. A golden needs the reference alone.

    An arm whose trace is there already is not run: `parity.explain` runs many candidates against one reference.

    Returns:
        Whether all arms are complete. A failed arm's trace says why it ended.

    """
    paths = {name: trace_path(folder, name) for name in arms}
    return all(path.exists() or run_arm(probe, name, seed, path) for name, path in paths.items())


def repeat(probe: Probe, seed: int, folder: Path, numbers: Sequence[int]) -> bool:
    """Runs the reference again, for noise: each in a trace of its own, in a process that has no candidate.

    Args:
        probe: of a cell that has ended.
        seed: the cell's.
        folder: the cell's.
        numbers: of the repetitions, from 2.

    """
    paths = [repetition_path(folder, number) for number in numbers]
    return all(run_arm(probe, ArmName.REFERENCE_AGAIN, seed, path) for path in paths)


def run_arm(probe: Probe, name: ArmName, seed: int, path: Path, observers: Sequence[Observer] = ()) -> bool:
    """Runs one arm from its seed to its last step, or until an observer has enough, and writes its trace.

    Returns:
        Whether it went as far as was asked.

    """
    arm, providers = probe.arm(name), _providers(probe, name)
    distributions = {d for each in providers.values() for d in each.distributions}
    header = Header(
        probe=probe.name,
        arm=name,
        seed=seed,
        steps=probe.workload.steps,
        declared=asdict(arm) | {"workload": asdict(probe.workload_of(name))},
        provenance=provenance(distributions) | {"claims": providers[arm.provider].distributions},
    )
    with TraceWriter(path, header) as writer, tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        try:
            swallowed: list[Swallowed] = []
            own, job = job_of(probe, name, seed, Path(scratch), swallowed.append)
            # before the reference's first run nothing of the candidate is imported, nor looked for
            watched = distributions if name is ArmName.REFERENCE else distributions_of(probe)
            with Watch(watched, {type(each).__module__ for each in providers.values()}) as watch:
                loaded = _train(own, job, writer, swallowed, watch, observers)
            if probe.outcomes is not None:
                writer.outcome(Outcome(metrics=outcomes(loaded, job.rows, job.workload, probe.outcomes)))
        except Enough:
            writer.close(Ending(complete=False, why="stopped where nothing more was asked"))
            return True
        except UnavailableError as error:
            writer.close(Ending(complete=False, why=str(error), unavailable=True))
            return False
        except Exception as error:  # a trainer may raise anything; the trace keeps it
            if _stopped.is_set():  # some compiled modules make an error of their own of it
                raise KeyboardInterrupt(_STOP) from error
            traceback.print_exc()
            writer.close(Ending(complete=False, why=" ".join(f"{type(error).__name__}: {error}".split())))
            return False
        else:
            writer.close(Ending(complete=True))
            return True
        finally:
            gc.collect()
            mx.clear_cache()


def job_of(
    probe: Probe, name: ArmName, seed: int, scratch: Path, warn: Callable[[Swallowed], None]
) -> tuple[Provider, Job]:
    """Who trains an arm, and what it is asked to do.

    Raises:
        UnavailableError: a library that it needs is missing.

    """
    arm, workload, providers = probe.arm(name), probe.workload_of(name), _providers(probe, name)
    for each in providers.values():
        each.check_installed()
    return providers[arm.provider], Job(
        workload=workload,
        seed=seed,
        settings=arm.settings,
        rows=tuple(read_rows(Path(workload.data))),
        scratch=scratch,
        stages={stage: providers[arm.stages.get(stage, arm.provider)] for stage in Stage},
        keywords=arm.keywords,
        warn=warn,
    )


def prepared(job: Job, look: Callable[[Loaded], None]) -> Loaded:
    """Seeds, loads and adapts.

    Args:
        job: of an arm.
        look: shown the model as it was loaded.

    """
    random.seed(job.seed)
    np.random.seed(int(job.settings.get("numpy_seed", job.seed)))
    mx.random.seed(job.seed)
    loaded = job.stages[Stage.LOAD].load(job)
    look(loaded)
    if job.settings.get("reseed_after_load", True):
        mx.random.seed(job.seed)
    job.stages[Stage.ADAPT].adapt(loaded, job)
    return loaded


def _providers(probe: Probe, name: ArmName) -> dict[str, Provider]:
    """Of the stages of an arm; the same name is the same object."""
    arm = probe.arm(name)
    return {each: provider(each) for each in (arm.provider, *arm.stages.values())}


def _train(
    own: Provider,
    job: Job,
    writer: TraceWriter,
    swallowed: list[Swallowed],
    watch: Watch,
    observers: Sequence[Observer],
) -> Loaded:
    as_loaded: dict[str, Tensor] = {}

    def look(loaded: Loaded) -> None:
        as_loaded.update(all_parameters(loaded.model))
        for observer in observers:
            observer.loaded(loaded.model, loaded.tokenizer)

    loaded = prepared(job, look)
    tap = Tap(
        writer,
        loaded=as_loaded,
        passes=job.workload.accumulation,
        weighs_tokens=own.weighs_tokens,
        swallowed=swallowed,
        executed=watch.stop,
        observers=observers,
    )
    with tap.installed():
        own.train(loaded, job, tap)
    tap.finish(job.workload.steps)
    return loaded


def _end_with_parent() -> None:
    """Ends this process when the parent is gone, however it went: its end of our stdin closes."""

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    _stopped.set()
    raise KeyboardInterrupt(_STOP)


def answer(run: Callable[[dict[str, Any], Path], bool]) -> int:
    """Reads the specification that `parity.process` wrote and runs it; what is in the folder is the answer."""
    specification, folder = Path(sys.argv[1]), Path(sys.argv[2])
    signal.signal(signal.SIGTERM, _interrupted)
    _end_with_parent()
    try:
        return 0 if run(json.loads(specification.read_text(encoding="utf-8")), folder) else 1
    except ParityError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the process's log
        return 1


def _asked(asked: dict[str, Any], folder: Path) -> bool:
    probe, seed = from_plain(asked["probe"]), asked["seed"]
    if "repetitions" in asked:
        return repeat(probe, seed, folder, asked["repetitions"])
    return run_cell(probe, seed, folder, [ArmName(name) for name in asked.get("arms", ArmName)])


if __name__ == "__main__":
    sys.exit(answer(_asked))
