"""One arm, from its seed to its last step, recorded in a trace."""

from __future__ import annotations

import gc
import random
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np

from parity.errors import UnavailableError
from parity.lab.command import run_command
from parity.lab.entry import STOP, stopped
from parity.lab.executed import Watch
from parity.lab.left import left
from parity.lab.model import all_parameters
from parity.lab.outcomes import outcomes
from parity.lab.patches import functions
from parity.lab.provenance import header_of, provenance
from parity.lab.replay.observer import Enough
from parity.lab.tap import Tap
from parity.metrics import Stage
from parity.probe.inputs import read_rows
from parity.probe.values import ArmName, Probe
from parity.trace.file import TraceWriter
from parity.trace.values import Ending, Ignored, Outcome, Tensor
from parity.trainers.protocol import Job, Loaded, Provider
from parity.trainers.registry import distributions_of, provider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parity.lab.replay.observer import Observer


def run_arm(probe: Probe, name: ArmName, seed: int, path: Path, observers: Sequence[Observer] = ()) -> bool:
    """Runs one arm from its seed to its last step, or until an observer has enough, and writes its trace.

    Returns:
        Whether it ran as far as it was asked to.

    """
    if probe.arm(name).command:
        return run_command(probe, name, seed, path)
    arm, providers = probe.arm(name), _providers(probe, name)
    distributions = {d for each in providers.values() for d in each.distributions}
    told = provenance(distributions, providers[arm.provider].distributions)
    header = header_of(probe, name, seed, told)
    with TraceWriter(path, header) as writer, tempfile.TemporaryDirectory(prefix="parity-") as scratch:
        try:
            ignored: list[Ignored] = []
            own, job = job_of(probe, name, seed, Path(scratch), ignored.append)
            # nothing of the candidate is imported or looked for before the reference was trained once
            watched = distributions if name is ArmName.REFERENCE else distributions_of(probe)
            with Watch(watched, {type(each).__module__ for each in providers.values()}) as watch:
                loaded = _train(own, job, writer, ignored, watch, observers)
            if probe.outcomes is not None:
                writer.outcome(Outcome(metrics=outcomes(loaded, job.rows, job.workload, probe.outcomes)))
        except Enough:
            writer.close(Ending(complete=False, why="stopped because nothing more was asked for"))
            return True
        except UnavailableError as error:
            writer.close(Ending(complete=False, why=str(error), unavailable=True))
            return False
        except Exception as error:  # a trainer may raise anything; the trace keeps it
            if stopped.is_set():  # some compiled modules turn the interrupt into an error of their own
                raise KeyboardInterrupt(STOP) from error
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
    probe: Probe, name: ArmName, seed: int, scratch: Path, warn: Callable[[Ignored], None]
) -> tuple[Provider, Job]:
    """The provider that trains an arm, and its job.

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
        stages={stage: providers[arm.lender(stage)] for stage in Stage},
        keywords=arm.keywords,
        warn=warn,
    )


def prepared(job: Job, look: Callable[[Loaded], None]) -> Loaded:
    """Seeds, loads and adapts.

    Args:
        job: the job of an arm.
        look: called with the model right after loading.

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
    """The providers of an arm by name, one object for each name."""
    arm = probe.arm(name)
    return {each: provider(each) for each in (arm.provider, *arm.stages.values())}


def _train(
    own: Provider,
    job: Job,
    writer: TraceWriter,
    ignored: list[Ignored],
    watch: Watch,
    observers: Sequence[Observer],
) -> Loaded:
    as_loaded: dict[str, Tensor] = {}

    def look(loaded: Loaded) -> None:
        as_loaded.update(all_parameters(loaded.model))
        for observer in observers:
            observer.loaded(loaded.model, loaded.tokenizer)

    before = functions()
    loaded = prepared(job, look)
    tap = Tap(
        writer,
        loaded=as_loaded,
        passes=job.workload.accumulation,
        weighs_tokens=own.weighs_tokens,
        ignored=ignored,
        executed=watch.stop,
        observers=observers,
    )
    with tap.installed():
        own.train(loaded, job, tap)
    tap.finish(job.workload.steps, left(loaded.model, job.scratch, before))
    return loaded
